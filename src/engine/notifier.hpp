// SPDX-License-Identifier: MIT
//
// Telling somebody. The engine decides when (TaskAlerts); a Notifier decides how, and never makes
// the engine wait.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/exit_status.hpp"
#include "core/task_state.hpp"
#include "core/time.hpp"
#include "engine/secret_mask.hpp"

namespace bansuri::engine {

/// What a stream of an attempt said last: bytes that were captured, or the place in a file that the
/// attempt began to append at.
struct OutputExcerpt {
    std::string bytes;
    std::uint64_t dropped = 0;  ///< bytes before these that were not kept
    std::string path;           ///< not empty: read the excerpt from this file ...
    std::uint64_t offset = 0;   ///< ... beginning here
};

/// One message's worth of facts, complete: nothing in it refers to the engine.
struct FailureInfo {
    enum class Kind {
        failure,
        recovery,
        reminder,  ///< of an incident that lasts: no attempt is behind it
        overdue,   ///< no success in the time in which one is expected: neither
        alert,     ///< not a task's: only `alert`, `reason` and `at` are set
    };
    Kind kind = Kind::failure;
    std::string task;
    std::string description;
    std::string command;
    std::string working_directory;
    std::uint64_t run = 0;
    std::uint32_t attempt = 1;
    std::optional<std::uint32_t> attempts;  ///< in all; nothing: no limit
    Outcome outcome = Outcome::failed;
    std::optional<ExitStatus> status;
    std::string reason;
    WallTime at{};
    Duration elapsed = Duration::zero();
    WallTime since{};       ///< when the incident began; of `overdue` the last success; zero: none
    unsigned failures = 0;  ///< of a reminder: attempts that failed in a row
    std::string alert;      ///< what kind it is of: "configuration-refused"
    OutputExcerpt standard_output;
    OutputExcerpt standard_error;
    Secrets secrets;  ///< none of them is told
};

class Notifier {
  public:
    virtual ~Notifier() = default;
    /// Returns at once. A message that cannot be sent is logged, never thrown.
    virtual void notify(FailureInfo info) = 0;
};

}  // namespace bansuri::engine
