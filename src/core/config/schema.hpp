// SPDX-License-Identifier: MIT
//
// The JSON Schema of the configuration file, for editors and other checkers.
#pragma once

#include <string>

namespace bansuri {

/// Draft 2020-12, made from the key table that the parser reads by, indented, with a final line
/// end. What no schema can say (unique names, time zones, dates that never come, references
/// between tasks) only the parser checks; what this version refuses as not available yet, the
/// schema accepts and says so in its description.
std::string json_schema();

}  // namespace bansuri
