// SPDX-License-Identifier: MIT
#include "engine/task_alerts.hpp"

#include <utility>

namespace bansuri::engine {

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
    }
    tell(policy, facts());
}

void TaskAlerts::tell(const NotifyPolicy& policy, FailureInfo info) {
    // While a message is held back it is kept up to date; the time runs from the first failure.
    const bool waiting = held_back_.has_value();
    held_back_ = std::move(info);
    if (failure_told_ || policy.hold_back == Duration::zero()) return flush();
    if (waiting) return;
    hold_back_over_ = clock_.at(clock_.mono_now() + policy.hold_back, [this] { flush(); });
}

void TaskAlerts::policy_changed(const NotifyPolicy& policy) {
    if (!policy.enabled) {
        held_back_.reset();
        hold_back_over_.reset();
    } else if (policy.hold_back == Duration::zero()) {
        flush();
    }
}

void TaskAlerts::flush() {
    hold_back_over_.reset();
    if (!held_back_) return;
    failure_told_ = true;
    notifier_.notify(*std::exchange(held_back_, std::nullopt));
}

void TaskAlerts::run_succeeded(const NotifyPolicy& policy, const Facts& facts) {
    failed_in_a_row_ = 0;
    held_back_.reset();
    hold_back_over_.reset();
    if (std::exchange(failure_told_, false) && policy.enabled && policy.on_recovery) {
        notifier_.notify(facts());
    }
}

}  // namespace bansuri::engine
