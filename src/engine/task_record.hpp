// SPDX-License-Identifier: MIT
//
// What the engine keeps of a task, whether it runs or waits.
#pragma once

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
    TaskRecord(std::shared_ptr<const Task> definition, Clock& clock, Notifier& notifier)
        : task(std::move(definition)), since(clock.wall_now()), alerts(clock, notifier) {}

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

    TaskAlerts alerts;
    std::vector<std::unique_ptr<TaskRunner>> runs;
    struct Waiting {
        Due due;
        RunOrigin origin = RunOrigin::schedule;
    };
    std::deque<Waiting> waiting;  ///< due instants that start when `runs` is empty
};

/// What another daemon has to know of it.
TaskMemory memory_of(const TaskRecord& record);

/// `zone`: the configuration's.
TaskStatus status_of(const TaskRecord& record, const Timeline& timeline, const Clock& clock,
                     const TimeZone& zone);

}  // namespace bansuri::engine
