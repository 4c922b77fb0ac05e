// SPDX-License-Identifier: MIT
//
// The five fields of a crontab line, by cron's own rules, which are narrower than ours: what cron
// would refuse never ran, so it is not carried over as if it had.
#pragma once

#include <string>
#include <string_view>

#include "import/draft.hpp"

namespace bansuri::imports {

/// The expression for `schedule-cron`. `fields` are five texts without blanks; `seed` is what a
/// random value ("6~15", cronie) is chosen by, so that the same line always has the same.
/// The error says which field cron would refuse, and why.
Result<std::string> read_cron_times(const std::vector<std::string_view>& fields,
                                    std::string_view seed, Notes& notes);

}  // namespace bansuri::imports
