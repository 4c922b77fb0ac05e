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
    TimeZone zone;                           ///< in which times are told
    WallTime now{};                          ///< times of this day are told without their date
    std::vector<engine::RunRecord> records;  ///< of the task, newest first
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
