// SPDX-License-Identifier: MIT
//
// Cron expressions and time zones that were parsed before: a large file repeats a few of them, and
// parsing one costs far more than looking it up.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/cron.hpp"
#include "core/result.hpp"
#include "core/time_zone.hpp"

namespace bansuri::config {

/// For one thread, and for the time that one file is read.
class ScheduleCache {
  public:
    /// CronSchedule::parse, remembered.
    Result<CronSchedule> cron(std::string_view text, const TimeZone& zone);
    /// TimeZone::find, remembered.
    Result<TimeZone> zone(std::string_view name);

    /// The zone in which most expressions will be read, and meanwhile are checked.
    void expect_zone(const TimeZone& zone) { expected_ = zone; }
    const TimeZone& expected_zone() const { return expected_; }

  private:
    static constexpr std::size_t most = 4096;  // entries of each kind: the file may be hostile
    std::unordered_map<std::string, Result<CronSchedule>> crons_;  // by expression, NUL, zone
    std::unordered_map<std::string, Result<TimeZone>> zones_;
    // Each expression is asked for twice in a row, also when the map is full.
    std::optional<std::pair<std::string, Result<CronSchedule>>> last_cron_;
    TimeZone expected_;
};

}  // namespace bansuri::config
