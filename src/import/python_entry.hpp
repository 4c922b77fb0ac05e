// SPDX-License-Identifier: MIT
//
// One entry of `scripts` as the Python program of the same name writes it, in one form: that
// program reads keys that stand in the entry itself, and keys in groups (general, scheduling,
// failure-control, logging), to which its `defaults` are merged.
#pragma once

#include <map>
#include <string>

#include "import/draft.hpp"

namespace bansuri::imports {

struct PythonEntry {
    /// By the names of the flat form, in kebab-case. The schedule of the grouped form is in
    /// "schedule-cron" or "timer", its number of runs in "max-runs".
    std::map<std::string, Json> keys;
    /// What had no place in it.
    Notes notes;
};

/// `entry` and `defaults` are objects.
PythonEntry flatten(const Json& entry, const Json& defaults);

/// What the program takes for a whole number: one, or its digits in a string.
std::optional<long> whole_number(const Json& value);
/// true, or "true" in any case.
bool is_true(const Json& value);

}  // namespace bansuri::imports
