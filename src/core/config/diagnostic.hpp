// SPDX-License-Identifier: MIT
//
// One thing that is wrong, or unwise, in a configuration file: where it stands, what it is, why it
// cannot be taken and what to write instead. A value; the command line prints it, the daemon logs
// it.
#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace bansuri {

enum class Severity { error, warning };

constexpr std::string_view to_string(Severity severity) {
    return severity == Severity::error ? "error" : "warning";
}

/// All texts are printable: control characters are escaped and long values cut, so that a hostile
/// file cannot write to the terminal of its reader.
struct Diagnostic {
    Severity severity = Severity::error;
    /// config_invalid, or not_available for a valid value that this version refuses.
    ErrorCode code = ErrorCode::config_invalid;
    unsigned line = 0;         ///< from 1
    unsigned column = 0;       ///< from 1; counts characters, a tab is one
    std::string task;          ///< name; empty if it has none, or if no task is concerned
    unsigned task_number = 0;  ///< place in `scripts`, from 1; 0: no task is concerned
    std::string key;    ///< "timer", "restart-backoff.factor", "defaults.timer"; may be empty
    std::string value;  ///< as the file writes it; may be empty
    std::string reason;
    std::string remedy;  ///< may be empty
};

/// `FILE:LINE:COL: error: task "NAME": key "KEY": value VALUE: REASON; REMEDY`, without the parts
/// that do not apply.
std::string render(const Diagnostic& diagnostic, std::string_view origin);

/// `text` for a terminal: control characters, line ends and characters that reorder text are
/// escaped, and what is longer than `limit` characters ends in "...".
std::string printable(std::string_view text, std::size_t limit = 80);

}  // namespace bansuri
