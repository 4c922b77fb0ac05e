// SPDX-License-Identifier: MIT
#include "engine/task_alerts.hpp"

#include <algorithm>
#include <utility>

#include "engine/task_record.hpp"

namespace bansuri::engine {
namespace {

constexpr WallTime never{};

}  // namespace

void TaskAlerts::attempt_failed(const NotifyPolicy& policy, bool last, const Facts& facts) {
    ++failed_in_a_row_;
    if (!policy.enabled) return;
    switch (policy.mode) {
        case NotifyMode::after_fail: break;
        case NotifyMode::on_exhausted:
            if (!last) return;
            break;
        case NotifyMode::after_many:
            if (failed_in_a_row_ % policy.threshold != 0) return;
            break;
        case NotifyMode::incident:
            if (incident_told_ != never) return;
            break;
    }
    tell(policy, facts());
}

void TaskAlerts::tell(const NotifyPolicy& policy, FailureInfo info) {
    // While a message is held back it is kept up to date; the time runs from the first failure.
    const bool waiting = held_back_.has_value();
    held_back_ = std::move(info);
    if (failure_told_ || policy.hold_back == Duration::zero()) return send_held_back();
    if (waiting) return;
    alarm_ = desk_.clock.at(desk_.clock.mono_now() + policy.hold_back, [this] { flush(); });
}

void TaskAlerts::policy_changed(const NotifyPolicy& policy) {
    if (!policy.enabled) {
        held_back_.reset();
        alarm_.reset();
        incident_since_ = incident_told_ = never;
        return;
    }
    if (policy.hold_back == Duration::zero()) flush();
    if (held_back_) return;
    // What was told in another mode is an incident from now on.
    if (policy.mode == NotifyMode::incident && failure_told_ && incident_told_ == never) {
        begin_incident();
    }
    arm_reminder();
}

void TaskAlerts::flush() {
    if (!held_back_) return;
    send_held_back();
    desk_.remember(task_);
}

void TaskAlerts::send_held_back() {
    alarm_.reset();
    failure_told_ = true;
    if (task_.task->notify.mode == NotifyMode::incident) begin_incident();
    desk_.notifier.notify(*std::exchange(held_back_, std::nullopt));
    arm_reminder();
}

void TaskAlerts::close() {
    flush();
    alarm_.reset();
    failure_told_ = overdue_told_ = false;
    incident_since_ = incident_told_ = never;
}

void TaskAlerts::success_overdue(const Facts& facts) {
    overdue_told_ = true;
    const NotifyPolicy& policy = task_.task->notify;
    if (!policy.enabled) return;
    if (policy.mode == NotifyMode::incident) {
        if (incident_told_ != never) return;
        if (held_back_) return send_held_back();
        begin_incident();
    }
    desk_.notifier.notify(facts());
    arm_reminder();
}

void TaskAlerts::run_succeeded(const NotifyPolicy& policy, const Facts& facts) {
    const bool told = failure_told_ || overdue_told_ || incident_told_ != never;
    const WallTime since = incident_since_;
    failed_in_a_row_ = 0;
    failure_told_ = overdue_told_ = false;
    incident_since_ = incident_told_ = never;
    held_back_.reset();
    alarm_.reset();
    const bool wanted = policy.on_recovery || policy.mode == NotifyMode::incident;
    if (!told || !policy.enabled || !wanted) return;
    FailureInfo info = facts();
    info.since = since;
    desk_.notifier.notify(std::move(info));
}

void TaskAlerts::restore(const TaskMemory& memory) {
    failed_in_a_row_ = memory.failed_in_a_row;
    failure_told_ = memory.failure_told;
    overdue_told_ = memory.watch.overdue_told;
    incident_since_ = memory.watch.incident_since;
    incident_told_ = memory.watch.incident_told;
    arm_reminder();
}

void TaskAlerts::begin_incident() {
    if (incident_since_ == never) incident_since_ = desk_.clock.wall_now();
    incident_told_ = desk_.clock.wall_now();
}

void TaskAlerts::arm_reminder() {
    if (held_back_) return;  // its alarm is the one that is set
    alarm_.reset();
    const Task& task = *task_.task;
    const bool wanted =
        task.enabled && task.notify.enabled && task.notify.mode == NotifyMode::incident;
    if (!wanted || incident_told_ == never) return;
    // Elapsed time from now on. A clock that was wrong when it was told must not silence it.
    const WallTime now = desk_.clock.wall_now();
    const Duration past = now - std::min(incident_told_, now);
    alarm_ =
        desk_.clock.at(desk_.clock.mono_now() + (task.notify.remind - past), [this] { remind(); });
}

void TaskAlerts::remind() {
    FailureInfo info = facts_about(task_);
    info.kind = FailureInfo::Kind::reminder;
    info.since = incident_since_;
    info.failures = failed_in_a_row_;
    info.at = incident_told_ = desk_.clock.wall_now();
    desk_.notifier.notify(std::move(info));
    arm_reminder();
    desk_.remember(task_);
}

}  // namespace bansuri::engine
