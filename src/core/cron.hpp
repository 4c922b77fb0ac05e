// SPDX-License-Identifier: MIT
//
// Due times of a cron expression in one time zone. Values: they hold no clock and read nothing
// from the environment, so the same question always has the same answer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time_zone.hpp"

namespace bansuri {

/// The fields of an expression as sets. Immutable, hence safe on any thread.
/// Semantics: crontab(5) and cron(8) of cronie, with the additions of docs/scheduling.md.
class CronExpression {
  public:
    /// Parses five fields, six (seconds first) or a macro such as "@daily". "@reboot" is not a
    /// cron expression but a once-schedule: Schedule::parse knows it. The error (config_invalid)
    /// names the field and the token, and says what would be right.
    static Result<CronExpression> parse(std::string_view text);

    /// Neither the minute nor the hour field starts with a star: such a job is due once for a
    /// local time that daylight saving skips or repeats.
    bool is_fixed_time() const { return fixed_time_; }

    // The searches below are what CronSchedule is built from; days are counted from 1970-01-01.

    /// The first matching local second at or after `from`, if it comes before `end`. `from` and
    /// `end` are local times written as if they were UTC.
    std::optional<UtcSeconds> first_match(UtcSeconds from, UtcSeconds end) const;

    bool operator==(const CronExpression&) const = default;

  private:
    CronExpression() = default;
    std::uint64_t seconds_ = 0;   // bit n: second n
    std::uint64_t minutes_ = 0;   // bit n: minute n
    std::uint32_t hours_ = 0;     // bit n: hour n
    std::uint32_t days_ = 0;      // bit n: day n of the month, 1..31
    std::uint16_t months_ = 0;    // bit n: month n, 1..12
    std::uint8_t weekdays_ = 0;   // bit n: weekday n, 0 = Sunday
    std::uint8_t last_weekdays_ = 0;                  // bit n: the last weekday n of the month
    std::array<std::uint8_t, 5> nth_weekdays_{};      // [k] bit n: the (k+1)th weekday n
    bool last_day_ = false;
    bool day_is_star_ = false;
    bool weekday_is_star_ = false;
    bool fixed_time_ = false;
};

/// An expression in its zone. Immutable, hence safe on any thread.
class CronSchedule {
  public:
    /// The error (config_invalid) also tells an expression that can never be due.
    static Result<CronSchedule> parse(std::string_view text, const TimeZone& zone);

    /// The first due second strictly after `now`; nothing if none comes before the year 10000.
    /// Of a fixed-time job, a local time that is skipped is due at the first instant after the
    /// gap, and one that is repeated is due the first time. Other jobs follow elapsed time.
    std::optional<UtcSeconds> next_after(UtcSeconds now) const;

    bool is_fixed_time() const { return expression_.is_fixed_time(); }
    const TimeZone& zone() const { return zone_; }
    bool operator==(const CronSchedule&) const = default;

  private:
    CronSchedule(CronExpression expression, TimeZone zone)
        : expression_(expression), zone_(std::move(zone)) {}
    CronExpression expression_;
    TimeZone zone_;
};

}  // namespace bansuri
