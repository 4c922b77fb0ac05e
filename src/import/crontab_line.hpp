// SPDX-License-Identifier: MIT
//
// One line of a crontab, taken apart as cron does it. Source of the semantics: crontab(5) of cronie
// and of Debian's cron; where only one of them knows a form, the notes say so.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "import/draft.hpp"

namespace bansuri::imports {

struct BlankLine {};

/// `NAME = value`, without the quotes.
struct VariableLine {
    std::string name;
    std::string value;
};

struct JobLine {
    std::string schedule;  ///< for `schedule-cron`
    std::string user;      ///< of the system form
    std::string command;   ///< as written, with its percent signs
    Notes notes;
};

/// What cron would refuse.
struct BadLine {
    std::string reason;
};

using CrontabLine = std::variant<BlankLine, VariableLine, JobLine, BadLine>;

/// `line` without its end; with `system`, a user stands before the command.
CrontabLine read_crontab_line(std::string_view line, bool system);

/// What of a job's command the shell is given, and what stands on its standard input.
struct CronCommand {
    std::string line;
    std::optional<std::string> input;
};

/// The first percent sign without a backslash ends the command; what follows is its input, in which
/// further ones are line ends. "\%" is a percent sign, any other backslash itself. The input ends
/// with a line end, which cron adds if it is missing.
CronCommand split_command(std::string_view written);

}  // namespace bansuri::imports
