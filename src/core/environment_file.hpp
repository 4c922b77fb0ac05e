// SPDX-License-Identifier: MIT
//
// `environment-file`: variables as a file holds them. The form of the lines is what shells, dotenv
// libraries and systemd's EnvironmentFile have in common; where these differ, docs/environment.md
// says what holds here.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace bansuri {

using Variables = std::vector<std::pair<std::string, std::string>>;

/// Lines of `NAME=value`: `export` before the name, quotes, escapes and comments allowed; nothing
/// is expanded. The error (config_invalid) names the line, the reason and the remedy, and no value.
Result<Variables> parse_dotenv(std::string_view text);

/// An object of strings, numbers and booleans. The error (config_invalid) likewise.
Result<Variables> parse_json_variables(std::string_view text);

/// One of them, by the name of the file.
Result<Variables> parse_environment_file(std::string_view path, std::string_view text);

}  // namespace bansuri
