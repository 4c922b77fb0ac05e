// SPDX-License-Identifier: MIT
//
// What becomes of cron instants that are behind us: the machine was busy, slept, or its clock was
// set forward. Pure rules, so that every case is a line in a table (docs/scheduling.md).
#pragma once

#include <optional>

#include "core/cron.hpp"
#include "engine/run_store.hpp"

namespace bansuri::engine {

struct Overdue {
    std::optional<WallTime> run;             ///< the one instant that still runs
    std::optional<SkippedInstants> skipped;  ///< the others; the reason is left to the caller
};

/// Decides about the instants from `first` (due and not handled yet) up to `now`. At most one runs,
/// so that nothing ever comes in a burst: the latest, if it is at most `late_limit` old, or at most
/// `fixed_time_limit` for a fixed-time job. Bounded: counting stops at `most_counted`.
Overdue settle_overdue(const CronSchedule& schedule, WallTime first, WallTime now);

/// A little late is not missed: a loaded machine still runs what it was due to run.
inline constexpr Duration late_limit = std::chrono::seconds(60);
/// cron(8): clock changes of less than three hours do not lose a fixed-time job.
inline constexpr Duration fixed_time_limit = std::chrono::hours(3);
inline constexpr std::uint64_t most_counted = 1000;

}  // namespace bansuri::engine
