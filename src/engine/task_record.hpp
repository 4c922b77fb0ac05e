// SPDX-License-Identifier: MIT
//
// What the engine keeps of a task, whether it runs or waits.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/status.hpp"
#include "engine/task_alerts.hpp"
#include "engine/task_runner.hpp"
#include "engine/timeline.hpp"

namespace bansuri::engine {

struct TaskRecord {
    TaskRecord(std::shared_ptr<const Task> definition, AlertDesk& desk)
        : task(std::move(definition)), since(desk.clock.wall_now()), alerts(desk, *this) {}
    TaskRecord(const TaskRecord&) = delete;
    TaskRecord& operator=(const TaskRecord&) = delete;

    std::shared_ptr<const Task> task;
    TaskState state = TaskState::pending;
    std::string reason;  ///< why it is in this state; may be empty
    WallTime since;      ///< the last change of state
    unsigned successes = 0;
    std::optional<TaskState> last_ended;  ///< what the last run of this definition came to
    std::optional<LastRun> last;          ///< of any definition
    bool halted = false;                  ///< STOPPED after a failure: its schedule is over
    bool removed = false;                 ///< no longer configured; dies with its last run
    bool draining = false;                ///< runs of an older definition have yet to end
    /// max-runs is reached.
    bool is_done() const { return task->max_runs && successes >= *task->max_runs; }
    /// Its instants are looked at, so that one may be missed.
    bool is_followed() const { return task->enabled && !halted && !is_done(); }

    /// That one comes in time is told or not (`expect-within`).
    bool expects_success() const {
        return task->expect_within > Duration::zero() && task->enabled && !removed && !is_done();
    }
    /// What `expect-within` counts from; zero: nothing yet.
    WallTime expected_from() const { return std::max(expected_since, last_success); }
    WallTime expected_since{};
    WallTime last_success{};  ///< zero: none is known

    TaskAlerts alerts;
    std::vector<std::unique_ptr<TaskRunner>> runs;
    struct Waiting {
        Due due;
        RunOrigin origin = RunOrigin::schedule;
    };
    std::deque<Waiting> waiting;  ///< due instants that start when `runs` is empty
};

/// What a message that no attempt is behind says of the task.
FailureInfo facts_about(const TaskRecord& record);

/// What another daemon has to know of it.
TaskMemory memory_of(const TaskRecord& record);

/// `zone`: the configuration's.
TaskStatus status_of(const TaskRecord& record, const Timeline& timeline, const Clock& clock,
                     const TimeZone& zone);

}  // namespace bansuri::engine
