// SPDX-License-Identifier: MIT
//
// Why a task runs, waits, was skipped or is stopped, in sentences, from what is recorded. A pure
// function: it asks no clock, and guesses nothing that no record says.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/time_zone.hpp"
#include "engine/run_history.hpp"
#include "engine/status.hpp"

namespace bansuri::http {

struct WhyFacts {
    TimeZone zone;   ///< in which times are told
    WallTime now{};  ///< times of this day are told without their date
    bool shutting_down = false;
    std::vector<engine::RunRecord> records;  ///< the latest of the task, newest first
    /// The same without what was skipped, of which there may be very many; and only those that came
    /// to FAILED, TIMEOUT or LOST.
    std::function<std::vector<engine::RunRecord>()> runs;
    std::function<std::vector<engine::RunRecord>()> failures;
    /// Looks a run up that a reason names.
    std::function<std::optional<engine::RunRecord>(engine::RunId)> run;
    /// Of a run, oldest first.
    std::function<std::vector<engine::AttemptRecord>(engine::RunId)> attempts;
};

/// Where the task stands, what its last run came to, which instants were skipped since, and when
/// it is due next: a sentence each, in this order.
std::vector<std::string> why(const engine::TaskStatus& status, const WhyFacts& facts);

/// The same of a task that is no longer configured and has records.
std::vector<std::string> why_not_configured(const WhyFacts& facts);

}  // namespace bansuri::http
