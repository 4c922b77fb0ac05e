// SPDX-License-Identifier: MIT
//
// The search for due times: in local time by whole days and months, in UTC span by span of
// constant offset. Nothing is tried minute by minute, so a rare date costs what a frequent one
// does.
#include "core/cron.hpp"

#include <date/date.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "core/quote.hpp"

namespace bansuri {

namespace {

using date::days;
using date::sys_days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr UtcSeconds first_instant = sys_days{date::year{0} / date::January / 1};
constexpr UtcSeconds end_of_instants = sys_days{date::year{10'000} / date::January / 1};

// Calendar and zone rules repeat after 400 years, so what is not due in one such period after the
// last irregular change of any zone (2087, Morocco's Ramadan tables) never is.
constexpr UtcSeconds regular_from = sys_days{date::year{2100} / date::January / 1};
constexpr days regular_period{146'097};

// Bansuri runs in no earlier year: due times only before it are none.
constexpr UtcSeconds begin_of_use = sys_days{date::year{2025} / date::January / 1};

// Offsets lie within 26 hours of UTC, so local times this far apart in UTC cannot overlap.
constexpr hours widest_overlap{52};

constexpr unsigned none = 64;

/// The first member of the set at or after `from`.
unsigned next_member(std::uint64_t set, unsigned from) {
    if (from >= none || set >> from == 0) return none;
    return from + static_cast<unsigned>(std::countr_zero(set >> from));
}

struct Month {
    unsigned first_weekday;  ///< of day 1, 0 = Sunday
    unsigned length;
};

/// Days (bits 1..31) of the month that fall on the weekdays.
std::uint32_t days_on(std::uint8_t weekdays, Month month) {
    // Bit 0 becomes the weekday of day 1; then the week is repeated.
    const std::uint64_t week =
        (weekdays >> month.first_weekday | weekdays << (7 - month.first_weekday)) & 0x7fu;
    constexpr std::uint64_t every_seventh = 0x10204081;
    return static_cast<std::uint32_t>(week * every_seventh << 1);
}

/// Days (bits 1..31) of the month that the expression matches.
std::uint32_t matching_days(const CronFields& fields, Month month) {
    std::uint32_t by_day = fields.days;
    if (fields.last_day) by_day |= 1u << month.length;

    std::uint32_t by_weekday = days_on(fields.weekdays, month);
    const std::uint32_t last_week = 0x7fu << (month.length - 6);
    by_weekday |= days_on(fields.last_weekdays, month) & last_week;
    for (unsigned k = 0; k < fields.nth_weekdays.size(); ++k) {
        const auto week = static_cast<std::uint32_t>(std::uint64_t{0x7f} << (7 * k + 1));
        by_weekday |= days_on(fields.nth_weekdays[k], month) & week;
    }
    const std::uint32_t in_month = ((1u << month.length) - 1) << 1;
    // crontab(5): "if both fields are restricted (i.e., do not contain the "*" character), the
    // command will be run when either field matches". As in cronie, */2 is a star here.
    const bool both_must_match = fields.day_is_star || fields.weekday_is_star;
    return in_month & (both_must_match ? by_day & by_weekday : by_day | by_weekday);
}

/// The first matching day at or after `from`, if it comes before `end`.
std::optional<sys_days> first_day(const CronFields& fields, sys_days from, UtcSeconds end) {
    const date::year_month_day date{from};
    auto year = date.year();
    auto month = static_cast<unsigned>(date.month());
    std::uint32_t not_before = ~0u << static_cast<unsigned>(date.day());
    sys_days first = from - days(static_cast<unsigned>(date.day()) - 1);
    while (first < end) {
        const date::year_month_day_last last{year, date::month_day_last{date::month{month}}};
        const auto length = static_cast<unsigned>(last.day());
        if (fields.months >> month & 1u) {
            const Month shape{date::weekday{first}.c_encoding(), length};
            const std::uint32_t due = matching_days(fields, shape) & not_before;
            if (due != 0) {
                const sys_days day = first + days(std::countr_zero(due) - 1);
                return day < end ? std::optional(day) : std::nullopt;
            }
        }
        first += days(length);
        not_before = ~0u;
        if (++month > 12) {
            month = 1;
            ++year;
        }
    }
    return std::nullopt;
}

/// The first matching time of day at or after `from`.
std::optional<seconds> first_time(const CronFields& fields, seconds from) {
    const auto whole_hours = std::chrono::floor<hours>(from);
    const auto whole_minutes = std::chrono::floor<minutes>(from - whole_hours);
    const auto from_hour = static_cast<unsigned>(whole_hours.count());
    const auto from_minute = static_cast<unsigned>(whole_minutes.count());
    const auto from_second = static_cast<unsigned>((from - whole_hours - whole_minutes).count());
    const unsigned second = next_member(fields.seconds, 0);

    unsigned hour = next_member(fields.hours, from_hour);
    if (hour == from_hour) {
        unsigned minute = next_member(fields.minutes, from_minute);
        if (minute == from_minute) {
            const unsigned in_minute = next_member(fields.seconds, from_second);
            if (in_minute != none) {
                return hours(hour) + minutes(minute) + seconds(in_minute);
            }
            minute = next_member(fields.minutes, from_minute + 1);
        }
        if (minute != none) return hours(hour) + minutes(minute) + seconds(second);
        hour = next_member(fields.hours, from_hour + 1);
    }
    if (hour == none) return std::nullopt;
    return hours(hour) + minutes(next_member(fields.minutes, 0)) + seconds(second);
}

tl::unexpected<Error> never_due(std::string_view text, std::string_view reason) {
    return fail(ErrorCode::config_invalid,
                fmt::format("cron expression {}: it can never be due: {}", quote(text), reason));
}

}  // namespace

Result<CronExpression> CronExpression::parse(std::string_view text) {
    return parse_cron_fields(text).map(
        [](const CronFields& fields) { return CronExpression(fields); });
}

std::optional<UtcSeconds> CronExpression::first_match(UtcSeconds from, UtcSeconds end) const {
    from = std::max(from, first_instant);
    end = std::min(end, end_of_instants);
    if (from >= end) return std::nullopt;
    const auto today = date::floor<days>(from);
    auto day = first_day(fields_, today, end);
    if (day == today) {
        if (const auto time = first_time(fields_, from - today)) {
            const UtcSeconds match = today + *time;
            return match < end ? std::optional(match) : std::nullopt;
        }
        day = first_day(fields_, today + days(1), end);
    }
    if (!day) return std::nullopt;
    const UtcSeconds match = *day + first_time(fields_, seconds(0)).value();
    return match < end ? std::optional(match) : std::nullopt;
}

Result<CronSchedule> CronSchedule::parse(std::string_view text, const TimeZone& zone) {
    const auto expression = CronExpression::parse(text);
    if (!expression) return tl::unexpected(expression.error());
    if (!expression->first_match(regular_from, regular_from + regular_period)) {
        return never_due(text,
                         "no month it names has such a day; check the day and the month field");
    }
    CronSchedule schedule(*expression, zone);
    if (!schedule.next_after(begin_of_use)) {
        return never_due(text, fmt::format("daylight saving in {} skips each local time it names",
                                           quote(zone.name())));
    }
    return schedule;
}

std::optional<UtcSeconds> CronSchedule::next_after(UtcSeconds now) const {
    if (now >= end_of_instants) return std::nullopt;
    const UtcSeconds from = std::max(now + seconds(1), first_instant);
    const UtcSeconds limit =
        std::min(std::max(from, regular_from) + regular_period, end_of_instants);

    TimeZone::Span span = zone_.span_at(from);
    UtcSeconds unread = span.begin + span.offset;
    if (is_fixed_time()) {
        TimeZone::Span before = span;
        while (before.begin > span.begin - widest_overlap && before.begin > first_instant) {
            before = zone_.span_at(before.begin - seconds(1));
            const UtcSeconds read = before.end + before.offset;
            unread = before.end == span.begin ? read : std::max(unread, read);
        }
    }
    for (;;) {
        if (const auto due = first_due(span, std::max(from, span.begin), unread)) {
            return *due < end_of_instants ? due : std::nullopt;
        }
        if (span.end >= limit) return std::nullopt;
        unread = std::max(unread, span.end + span.offset);
        span = zone_.span_at(span.end);
    }
}

std::optional<UtcSeconds> CronSchedule::first_due(const TimeZone::Span& span, UtcSeconds from,
                                                  UtcSeconds unread) const {
    const UtcSeconds local_begin = span.begin + span.offset;
    const UtcSeconds local_end = span.end + span.offset;
    UtcSeconds local = from + span.offset;
    if (is_fixed_time()) {
        if (from == span.begin && expression_.first_match(unread, local_begin)) return from;
        local = std::max(local, unread);
    }
    const auto match = expression_.first_match(local, local_end);
    return match ? std::optional(*match - span.offset) : std::nullopt;
}

}  // namespace bansuri
