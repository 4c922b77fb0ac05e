// SPDX-License-Identifier: MIT
//
// The fields of a cron expression as sets: what the parser makes and CronExpression asks.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "core/result.hpp"

namespace bansuri {

struct CronFields {
    std::uint64_t seconds = 0;                   ///< bit n: second n
    std::uint64_t minutes = 0;                   ///< bit n: minute n
    std::uint32_t hours = 0;                     ///< bit n: hour n
    std::uint32_t days = 0;                      ///< bit n: day n of the month, 1..31
    std::uint16_t months = 0;                    ///< bit n: month n, 1..12
    std::uint8_t weekdays = 0;                   ///< bit n: weekday n, 0 = Sunday
    std::uint8_t last_weekdays = 0;              ///< bit n: the last weekday n of the month
    std::array<std::uint8_t, 5> nth_weekdays{};  ///< [k] bit n: the (k+1)th weekday n
    bool last_day = false;                       ///< the last day of the month
    bool day_is_star = false;                    ///< the day field starts with * or ?
    bool weekday_is_star = false;                ///< the weekday field starts with * or ?
    bool fixed_time = false;                     ///< neither minute nor hour starts with * or ?

    bool operator==(const CronFields&) const = default;
};

/// Five fields, six (seconds first) or a macro. The error (config_invalid) names the field and the
/// token, and says what would be right. Bounded: longer texts than 1024 bytes are refused.
Result<CronFields> parse_cron_fields(std::string_view text);

}  // namespace bansuri
