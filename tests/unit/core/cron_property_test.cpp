// SPDX-License-Identifier: MIT
//
// Random expressions at random times, near clock changes above all, against the tick-by-tick
// oracle of tests/support.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <map>
#include <string>
#include <vector>

#include "core/cron.hpp"
#include "support/cron_oracle.hpp"

namespace bansuri {
namespace {

using test::CronOracle;

constexpr std::time_t one_hour = 3600;
constexpr std::time_t one_day = 24 * one_hour;

const std::vector<std::string> zone_names = {"Europe/Berlin",       "America/New_York",
                                             "Australia/Lord_Howe", "Pacific/Apia",
                                             "Africa/Cairo",        "UTC"};

UtcSeconds at(std::time_t t) { return UtcSeconds{std::chrono::seconds(t)}; }
std::time_t count(UtcSeconds t) { return static_cast<std::time_t>(t.time_since_epoch().count()); }

/// The changes of a zone's clock from 1975 to 2105 as glibc sees them, in order.
std::vector<std::time_t> clock_changes(const std::string& zone) {
    test::use_zone(zone);
    std::vector<std::time_t> changes;
    constexpr std::time_t first = 157'766'400;   // 1975
    constexpr std::time_t last = 4'260'211'200;  // 2105
    constexpr std::time_t stride = 7 * one_day;
    for (std::time_t week = first; week < last; week += stride) {
        std::time_t low = week;
        std::time_t high = week + stride;
        if (test::offset_at(low) == test::offset_at(high)) continue;
        while (high - low > 1) {
            const std::time_t middle = low + (high - low) / 2;
            (test::offset_at(middle) == test::offset_at(week) ? low : high) = middle;
        }
        changes.push_back(high);
    }
    return changes;
}

const std::vector<std::time_t>& changes_of(const std::string& zone) {
    static std::map<std::string, std::vector<std::time_t>> known;
    auto& changes = known[zone];
    if (changes.empty()) {
        changes = clock_changes(zone);
        if (changes.empty()) changes = {946'684'800, 4'102'444'800};  // UTC: 2000 and 2100
    }
    return changes;
}

/// Most lie within minutes of a clock change, or within a day and a half before one.
rc::Gen<std::time_t> start_times(const std::string& zone) {
    const auto changes = rc::gen::elementOf(changes_of(zone));
    const auto near = [&](int from_minutes, int to_minutes) {
        return rc::gen::apply(
            [](std::time_t change, int minutes, int seconds) {
                return change + minutes * std::time_t{60} + seconds;
            },
            changes, rc::gen::inRange(from_minutes, to_minutes), rc::gen::inRange(-1, 2));
    };
    const auto any = rc::gen::map(rc::gen::inRange<std::int64_t>(160'000'000, 4'250'000'000),
                                  [](std::int64_t t) { return static_cast<std::time_t>(t); });
    return rc::gen::weightedOneOf<std::time_t>(
        {{1, near(0, 1)}, {3, near(-90, 90)}, {3, near(-2160, 360)}, {1, any}});
}

rc::Gen<std::string> numbers(int low, int high) {
    return rc::gen::map(rc::gen::inRange(low, high + 1), [](int n) { return std::to_string(n); });
}

rc::Gen<std::string> joined(rc::Gen<std::string> a, std::string between, rc::Gen<std::string> b) {
    return rc::gen::apply(
        [between = std::move(between)](const std::string& x, const std::string& y) {
            return x + between + y;
        },
        std::move(a), std::move(b));
}

/// A star, a value, a range (also one that wraps), steps of each, and lists.
rc::Gen<std::string> fields(int low, int high, const rc::Gen<std::string>& value,
                            std::size_t star_weight) {
    const auto step = numbers(1, (high - low) / 2 + 2);
    const auto range = joined(value, "-", value);
    const auto element = rc::gen::weightedOneOf<std::string>(
        {{4, value}, {2, range}, {1, joined(range, "/", step)}, {1, joined(value, "/", step)}});
    const auto star = rc::gen::weightedOneOf<std::string>(
        {{3, rc::gen::just(std::string("*"))},
         {1, rc::gen::just(std::string("?"))},
         {2, joined(rc::gen::just(std::string("*")), "/", step)}});
    return rc::gen::weightedOneOf<std::string>(
        {{star_weight, star}, {3, element}, {1, joined(element, ",", element)}});
}

rc::Gen<std::string> with_names(int low, int high, std::vector<std::string> names) {
    return rc::gen::weightedOneOf<std::string>(
        {{2, numbers(low, high)}, {1, rc::gen::elementOf(std::move(names))}});
}

rc::Gen<std::string> days() {
    return rc::gen::weightedOneOf<std::string>(
        {{6, fields(1, 31, numbers(1, 31), 6)},
         {1, rc::gen::just(std::string("L"))},
         {1, joined(numbers(1, 31), ",", rc::gen::just(std::string("l")))}});
}

rc::Gen<std::string> months() {
    return fields(1, 12,
                  with_names(1, 12, {"JAN", "Feb", "mar", "April", "OCT", "December", "sep"}), 12);
}

rc::Gen<std::string> weekdays() {
    const auto value = with_names(0, 7, {"SUN", "Mon", "tue", "Friday", "SAT", "thu"});
    const auto plain_day = with_names(0, 7, {"SUN", "mon", "Friday"});
    return rc::gen::weightedOneOf<std::string>(
        {{8, fields(0, 7, value, 8)},
         {1, joined(plain_day, "#", numbers(1, 5))},
         {1, joined(plain_day, "L", rc::gen::just(std::string()))},
         {1, joined(joined(plain_day, "#", numbers(1, 5)), ",", plain_day)}});
}

std::string random_expression(bool with_seconds) {
    std::string expression;
    if (with_seconds) expression = *fields(0, 59, numbers(0, 59), 2) + " ";
    // Early hours: that is where clocks change.
    const auto hour =
        rc::gen::weightedOneOf<std::string>({{3, numbers(0, 4)}, {1, numbers(0, 23)}});
    expression += *fields(0, 59, numbers(0, 59), 3) + " ";
    expression += *fields(0, 23, hour, 3) + " ";
    expression += *days() + " " + *months() + " " + *weekdays();
    return expression;
}

/// next_after() and the oracle say the same until `horizon`, or both that nothing is due.
void expect_agreement(const CronSchedule& schedule, const CronOracle& oracle, std::time_t now,
                      std::time_t horizon) {
    const auto expected = oracle.next_after(now, horizon);
    const auto actual = schedule.next_after(at(now));
    if (expected) {
        RC_ASSERT(actual.has_value());
        RC_ASSERT(count(*actual) == *expected);
    } else if (actual) {
        RC_ASSERT(count(*actual) > horizon);
    }
}

RC_GTEST_PROP(CronProperty, NextAfterIsWhatWalkingMinuteByMinuteFinds, ()) {
    const auto zone = *rc::gen::elementOf(zone_names);
    const std::string expression = random_expression(false);
    RC_LOG() << zone << ": " << expression;
    const auto schedule = CronSchedule::parse(expression, TimeZone::find(zone).value());
    RC_PRE(schedule.has_value());  // what can never be due has its own tests
    const CronOracle oracle(expression, zone);
    std::time_t now = *start_times(zone);
    for (int i = 0; i < 4; ++i) {
        const std::time_t horizon = now + 12 * one_day;
        expect_agreement(*schedule, oracle, now, horizon);
        const auto next = schedule->next_after(at(now));
        now = next && count(*next) <= horizon ? count(*next) : now + one_day;
    }
}

RC_GTEST_PROP(CronProperty, NextAfterIsWhatWalkingSecondBySecondFinds, ()) {
    const auto zone = *rc::gen::elementOf(zone_names);
    const std::string expression = random_expression(true);
    RC_LOG() << zone << ": " << expression;
    const auto schedule = CronSchedule::parse(expression, TimeZone::find(zone).value());
    RC_PRE(schedule.has_value());
    const CronOracle oracle(expression, zone);
    std::time_t now = *start_times(zone);
    for (int i = 0; i < 2; ++i) {
        const std::time_t horizon = now + 5 * one_hour;
        expect_agreement(*schedule, oracle, now, horizon);
        const auto next = schedule->next_after(at(now));
        now = next && count(*next) <= horizon ? count(*next) : now + one_hour;
    }
}

RC_GTEST_PROP(CronProperty, DueTimesOnlyAdvanceAndDoNotDependOnWhereTheSearchBegins, ()) {
    const auto zone = *rc::gen::elementOf(zone_names);
    const std::string expression = random_expression(*rc::gen::arbitrary<bool>());
    RC_LOG() << zone << ": " << expression;
    const auto schedule = CronSchedule::parse(expression, TimeZone::find(zone).value());
    RC_PRE(schedule.has_value());
    const std::time_t start = *start_times(zone);
    UtcSeconds now = at(start);
    for (int i = 0; i < 50; ++i) {
        const auto next = schedule->next_after(now);
        if (!next) break;
        RC_ASSERT(*next > now);
        // From any moment between two due times the answer is the later of them.
        const auto gap = std::min<std::int64_t>((*next - now).count(), 1'000'000'000);
        const auto between = *rc::gen::inRange<std::int64_t>(0, gap);
        RC_ASSERT(schedule->next_after(now + std::chrono::seconds(between)) == next);
        now = *next;
    }
}

TEST(CronProperty, CommonExpressionsAgreeAroundChangesOfTheClockUntil2105) {
    for (const std::string& zone : zone_names) {
        for (const char* expression : {"0 2 * * *", "30 2 * * *", "*/15 * * * *", "0 */2 * * *",
                                       "0 0 * * *", "30 1 * * *", "15,45 0-3 * * *"}) {
            SCOPED_TRACE(zone + ": " + expression);
            const auto schedule = CronSchedule::parse(expression, TimeZone::find(zone).value());
            ASSERT_TRUE(schedule);
            const CronOracle oracle(expression, zone);
            // Every fifth keeps the test short and still alternates between spring and autumn.
            for (std::size_t i = 0; i < changes_of(zone).size(); i += 5) {
                const std::time_t change = changes_of(zone)[i];
                test::use_zone(zone);
                const std::time_t horizon = change + 27 * one_hour;
                UtcSeconds now = at(change - 27 * one_hour);
                for (const std::time_t due : oracle.due_between(count(now), horizon, 1000)) {
                    const auto next = schedule->next_after(now);
                    ASSERT_EQ(next, at(due)) << "after " << count(now);
                    now = *next;
                }
                ASSERT_GT(schedule->next_after(now), at(horizon)) << "after " << count(now);
            }
        }
    }
}

}  // namespace
}  // namespace bansuri
