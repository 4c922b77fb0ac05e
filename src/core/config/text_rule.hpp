// SPDX-License-Identifier: MIT
//
// What a string of the configuration must look like: a name, a command, a path, an address. Each
// rule says it twice, as a check that words its refusal and as a pattern for the JSON Schema; a
// test holds both to the same examples.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/config/diagnostic_sink.hpp"

namespace bansuri::config {

class ScheduleCache;

struct TextRule {
    /// Of the whole text, as ECMA 262 writes it; empty: any text. May accept what `check` refuses
    /// if no pattern can tell.
    std::string_view pattern;
    std::size_t longest = 0;  ///< characters; 0: no limit
    std::optional<Problem> (*check)(std::string_view text, ScheduleCache& cache) = nullptr;
};

/// The longest command that the kernel passes to a process as one argument (MAX_ARG_STRLEN is
/// 131 072 with the terminating NUL).
inline constexpr std::size_t longest_argument = 131'071;
inline constexpr std::size_t longest_path = 4095;  // PATH_MAX with the NUL
inline constexpr std::size_t longest_name = 128;

extern const TextRule any_text;      ///< no NUL
extern const TextRule some_text;     ///< not blank, no NUL
extern const TextRule task_name;     ///< SPEC, section 2
extern const TextRule command_line;  ///< what /bin/sh -c can be given
extern const TextRule class_name;    ///< `package.module:Class`, `path/lib.so:Class`
extern const TextRule path_name;
extern const TextRule cron_text;       ///< an expression, or "@reboot"
extern const TextRule zone_name;       ///< of the IANA database
extern const TextRule file_mask;       ///< "0022"
extern const TextRule web_address;     ///< http or https
extern const TextRule variable_name;   ///< of the environment
extern const TextRule version_number;  ///< "1.0"

/// Splits `message` of an Error about `text` into its reason and remedy, without repeating `text`.
Problem problem_of(std::string_view message, std::string_view text);

}  // namespace bansuri::config
