// SPDX-License-Identifier: MIT
//
// `bansuri check`: what is wrong with a configuration, for people and for programs.
#pragma once

#include <iosfwd>
#include <string_view>

#include "core/config/parsed_configuration.hpp"

namespace bansuri::cli {

/// Prints every diagnostic on `err`, one a line, and a summary on `out`: "scripts.json: 20 tasks,
/// no errors, 1 warning". With `json` prints one array of objects on `out` and nothing on `err`;
/// diagnostics beyond those kept are then only counted by an object of their own at its end.
/// Returns the exit code: 1 if there is an error, else 0.
int report(const ParsedConfiguration& parsed, std::string_view origin, bool json, std::ostream& out,
           std::ostream& err);

}  // namespace bansuri::cli
