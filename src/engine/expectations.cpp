// SPDX-License-Identifier: MIT
#include "engine/expectations.hpp"

#include <algorithm>

#include "engine/task_record.hpp"

namespace bansuri::engine {

Expectations::Expectations(Services& services, AlertDesk& desk)
    : services_(services), desk_(desk), begun_(services.clock.mono_now()) {}

void Expectations::follow(TaskRecord& task) {
    forget(task);
    if (!task.expects_success()) return task.alerts.forget_overdue();
    if (task.alerts.overdue_told()) return;
    const MonoTime now = services_.clock.mono_now();
    const WallTime wall = services_.clock.wall_now();
    if (task.expected_from() == WallTime{}) {
        task.expected_since = wall;
        desk_.remember(task);
    }
    // A clock that was set back must not make the wait longer.
    const Duration past = wall - std::min(task.expected_from(), wall);
    MonoTime deadline = now + (task.task->expect_within - past);
    if (deadline <= now) deadline = std::max(now, begun_ + patience_at_start);
    queue_.emplace(deadline, &task);
    deadlines_.emplace(&task, deadline);
    arm();
}

void Expectations::begin(TaskRecord& task) {
    task.expected_since = services_.clock.wall_now();
    task.alerts.forget_overdue();
    if (task.expects_success()) desk_.remember(task);
    follow(task);
}

void Expectations::changed(TaskRecord& task, const Task& before) {
    if (!before.enabled) task.expected_since = services_.clock.wall_now();
    if (before.expect_within != task.task->expect_within) task.alerts.forget_overdue();
}

void Expectations::succeeded(TaskRecord& task) {
    const Task& definition = *task.task;
    if (services_.heartbeat != nullptr && !definition.heartbeat.empty()) {
        services_.heartbeat->beat(definition.name, definition.heartbeat);
    }
    if (task.removed) return;
    task.last_success = services_.clock.wall_now();
    follow(task);
}

void Expectations::end(TaskRecord& task) {
    forget(task);
    task.alerts.close();
    task.expected_since = task.last_success = {};
    desk_.remember(task);
}

void Expectations::tell_overdue(TaskRecord& task) {
    const Task& definition = *task.task;
    task.alerts.success_overdue([&] {
        FailureInfo info = facts_about(task);
        info.kind = FailureInfo::Kind::overdue;
        info.since = task.last_success;
        info.elapsed = definition.expect_within;
        info.at = services_.clock.wall_now();
        return info;
    });
    services_.events.publish(
        SuccessOverdue{definition.name, definition.expect_within, task.last_success});
    desk_.remember(task);
}

void Expectations::forget(TaskRecord& task) {
    const auto known = deadlines_.find(&task);
    if (known == deadlines_.end()) return;
    queue_.erase({known->second, &task});
    deadlines_.erase(known);
    arm();
}

void Expectations::clear() {
    queue_.clear();
    deadlines_.clear();
    arm();
}

void Expectations::arm() {
    if (queue_.empty()) {
        armed_.reset();
        alarm_.reset();
    } else if (armed_ != queue_.begin()->first) {
        armed_ = queue_.begin()->first;
        alarm_ = services_.clock.at(*armed_, [this] { ring(); });
    }
}

void Expectations::ring() {
    armed_.reset();
    const MonoTime now = services_.clock.mono_now();
    while (!queue_.empty() && queue_.begin()->first <= now) {
        TaskRecord& task = *queue_.begin()->second;
        forget(task);
        tell_overdue(task);
    }
    arm();
}

}  // namespace bansuri::engine
