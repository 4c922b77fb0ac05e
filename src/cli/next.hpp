// SPDX-License-Identifier: MIT
//
// `bansuri next`: when a cron expression is due, from now on or from any other time. It needs
// neither a configuration nor a daemon.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include "core/cron.hpp"
#include "core/time.hpp"

namespace bansuri::cli {

/// More than anyone reads, and little enough to compute at once.
inline constexpr std::int64_t most_instants = 10'000;

struct NextRequest {
    std::string expression;
    /// A task's own, instead of the expression and the zone.
    std::optional<CronSchedule> schedule;
    std::optional<std::string> zone;  ///< IANA name; nothing: the system's
    std::optional<std::string> from;  ///< ISO 8601, local to the zone if without offset
    std::int64_t count = 1;           ///< 1 to most_instants
    WallTime now;                     ///< what a missing `from` means
};

/// Prints the instants strictly after `from`, one a line, as "2026-03-29T03:30:00+02:00"; fewer
/// than asked for only if the schedule ends. Returns the exit code: 0, or 2 with a message on
/// `err` and nothing on `out`.
int print_next(const NextRequest& request, std::ostream& out, std::ostream& err);

/// Answers each line {"expr","tz","from","count"} of `in` by a line {"next":[...]} or
/// {"error":"..."}; all keys but expr may be missing, and then mean what they mean above. Lines
/// are at most 64 KiB. Returns the exit code: 0, or 1 if `out` does not take the answers.
int answer_batch(std::istream& in, std::ostream& out, WallTime now);

}  // namespace bansuri::cli
