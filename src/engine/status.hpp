// SPDX-License-Identifier: MIT
//
// How things stand at one moment, as values: what the engine tells to whoever asks. Made on the
// engine's loop, read on any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/task.hpp"
#include "core/task_state.hpp"
#include "core/time.hpp"
#include "core/time_zone.hpp"
#include "engine/health.hpp"
#include "engine/run_store.hpp"

namespace bansuri::engine {

/// A run that is alive.
struct LiveRun {
    RunId id = 0;
    std::uint32_t attempt = 1;  ///< the current one, or the last one while it waits for another
    pid_t pid = 0;              ///< 0: no process at the moment
    std::optional<WallTime> started;  ///< of that attempt
    WallTime instant{};
    std::optional<Duration> time_limit;  ///< of that process: a reload does not change it
    std::optional<WallTime> retry_at;    ///< the next attempt, after one that failed
};

struct TaskStatus {
    /// The definition in force: its name, description, tags, schedule and policies. Shared, because
    /// a status of ten thousand tasks must not cost the engine's loop ten thousand copies.
    std::shared_ptr<const Task> task;
    TimeZone zone;  ///< in which people read its times: the schedule's, else the configuration's
    TaskState state = TaskState::pending;
    std::string reason;                  ///< why it is in this state; may be empty
    WallTime since{};                    ///< the last change of state
    bool halted = false;                 ///< STOPPED after a failure: its schedule is over
    bool removed = false;                ///< no longer configured; its last run is being ended
    unsigned successes = 0;              ///< of this definition: what max-runs counts
    std::optional<WallTime> next;        ///< the next instant
    std::optional<WallTime> next_start;  ///< when it starts, if `jitter` delays it
    std::size_t waiting = 0;             ///< instants that are due and have not started
    std::vector<LiveRun> runs;           ///< oldest first
    std::optional<LastRun> last;
    bool overdue = false;              ///< no success in the time in which one is expected
    std::optional<WallTime> retry_at;  ///< the first next attempt of its runs
    /// What of its limits is not enforced here, a sentence each.
    std::vector<std::string> shortcomings;
};

struct DaemonStatus {
    std::string version;
    pid_t pid = 0;
    pid_t keeper_pid = 0;
    WallTime started{};
    std::uint64_t number = 1;  ///< the how-manieth daemon of its keeper
    std::uint64_t generation = 0;
    std::string configuration;        ///< path of the file
    std::string configuration_error;  ///< why the file as it is now was refused; empty: it was not
    std::vector<Health::Problem> problems;
    std::size_t tasks = 0;
    std::size_t runs_alive = 0;
    bool shutting_down = false;
    TimeZone zone;   ///< the configuration's
    WallTime now{};  ///< when all this was so
};

}  // namespace bansuri::engine
