// SPDX-License-Identifier: MIT
//
// Due times of a cron expression in one time zone. Values: they hold no clock and read nothing
// from the environment, so the same question always has the same answer.
#pragma once

#include <optional>
#include <string_view>
#include <utility>

#include "core/cron_fields.hpp"
#include "core/result.hpp"
#include "core/time_zone.hpp"

namespace bansuri {

/// An expression without a zone: which local times it matches. Immutable, hence safe on any thread.
/// Semantics: crontab(5) and cron(8) of cronie, with the additions of docs/scheduling.md.
class CronExpression {
  public:
    /// Parses five fields, six (seconds first) or a macro such as "@daily". "@reboot" is not a
    /// cron expression but a once-schedule, which the configuration makes of it. The error
    /// (config_invalid) names the field and the token, and says what would be right.
    static Result<CronExpression> parse(std::string_view text);

    /// Neither the minute nor the hour field starts with a star: such a job is due once for a
    /// local time that daylight saving skips or repeats.
    bool is_fixed_time() const { return fields_.fixed_time; }

    /// The first matching local second at or after `from`, if it comes before `end`. Both are
    /// local times written as if they were UTC; years 0 to 9999.
    std::optional<UtcSeconds> first_match(UtcSeconds from, UtcSeconds end) const;

    bool operator==(const CronExpression&) const = default;

  private:
    explicit CronExpression(const CronFields& fields) : fields_(fields) {}
    CronFields fields_;
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
    CronSchedule(const CronExpression& expression, TimeZone zone)
        : expression_(expression), zone_(std::move(zone)) {}
    /// The first due second of `span` at or after `from`. Local times before `unread` were read
    /// by the clock before the span began.
    std::optional<UtcSeconds> first_due(const TimeZone::Span& span, UtcSeconds from,
                                        UtcSeconds unread) const;
    CronExpression expression_;
    TimeZone zone_;
};

}  // namespace bansuri
