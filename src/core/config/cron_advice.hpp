// SPDX-License-Identifier: MIT
//
// Cron expressions that are valid and yet often not what was meant.
#pragma once

#include <string_view>
#include <vector>

#include "core/config/diagnostic_sink.hpp"

namespace bansuri::config {

/// Warnings about a valid expression: day and weekday both restricted (either is enough, see
/// crontab(5)), and steps that do not divide their field.
std::vector<Problem> advise_on_cron(std::string_view expression);

}  // namespace bansuri::config
