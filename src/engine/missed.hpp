// SPDX-License-Identifier: MIT
//
// What becomes of cron instants that are behind us: Bansuri was not running, the machine was busy
// or slept, or its clock was set forward. Pure rules, so that every case is a line in a table
// (docs/scheduling.md).
#pragma once

#include <optional>
#include <vector>

#include "core/cron.hpp"
#include "core/task.hpp"
#include "engine/covered_time.hpp"
#include "engine/run_store.hpp"

namespace bansuri::engine {

/// What a task wants done about instants that were missed.
struct MissedPolicy {
    CatchUp catch_up = CatchUp::none;
    Duration window = Duration::zero();  ///< `catch-up-window`
    /// Nobody watched the clock meanwhile, so nothing tells that it was set.
    bool was_down = false;
    /// Instants in these were settled before the clock was set back.
    std::vector<Stretch> settled = {};
    const Task* task = nullptr;  ///< whose `jitter` holds; none: nothing is delayed
};

struct Overdue {
    struct Run {
        WallTime instant;
        RunOrigin origin = RunOrigin::schedule;  ///< catch_up: it would not run without the policy,
                                                 ///< or comes with such
        Duration delay = Duration::zero();       ///< how long from now it starts, by `jitter`
        bool operator==(const Run&) const = default;
    };
    std::vector<Run> runs;                   ///< those that still run, oldest first
    std::optional<SkippedInstants> skipped;  ///< those before; the reason is left to the caller
};

/// Decides about the instants from `first` (due and not handled yet) up to `now`.
/// Without catching up at most one runs, so that nothing ever comes in a burst: the latest, if it
/// is at most `late_limit` old, or, of a fixed-time job after a step of the clock, at most
/// `fixed_time_limit`. `latest` lets it be as old as the window; `all` runs each of the window, the
/// latest `most_caught_up` at most. Bounded: counting what is skipped stops at `most_counted`.
/// With `jitter` a run is as late as it starts after its delay, and the latest may still be
/// delayed.
Overdue settle_overdue(const CronSchedule& schedule, WallTime first, WallTime now,
                       const MissedPolicy& policy);

/// A little late is not missed: a loaded machine still runs what it was due to run.
inline constexpr Duration late_limit = std::chrono::seconds(60);
/// cron(8): clock changes of less than three hours do not lose a fixed-time job.
inline constexpr Duration fixed_time_limit = std::chrono::hours(3);
inline constexpr std::uint64_t most_counted = 1000;
inline constexpr std::size_t most_caught_up = 100;

}  // namespace bansuri::engine
