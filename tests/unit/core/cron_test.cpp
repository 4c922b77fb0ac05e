// SPDX-License-Identifier: MIT
#include "core/cron.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/iso8601.hpp"
#include "support/times.hpp"

namespace bansuri {
namespace {

using test::utc;
using test::zone;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

CronSchedule cron(std::string_view expression, std::string_view zone_name = "UTC") {
    const auto schedule = CronSchedule::parse(expression, zone(zone_name));
    if (!schedule) throw std::invalid_argument(schedule.error().message);
    return *schedule;
}

/// The next `count` due times after a local or absolute time, as people are shown them.
std::vector<std::string> due(std::string_view expression, std::string_view zone_name,
                             std::string_view from, std::size_t count) {
    const CronSchedule schedule = cron(expression, zone_name);
    std::vector<std::string> result;
    auto next = schedule.next_after(
        std::chrono::floor<std::chrono::seconds>(parse_iso8601(from, zone(zone_name)).value()));
    while (next && result.size() < count) {
        result.push_back(format_local(*next, zone(zone_name)));
        next = schedule.next_after(*next);
    }
    return result;
}

TEST(CronSchedule, NextAfter) {
    struct Row {
        const char* why;
        const char* cron;
        const char* now;
        const char* next;
    };
    // 2025-01-01 is a Wednesday.
    const Row rows[] = {
        {"a due minute is not its own successor", "0 2 * * *", "2025-03-01T02:00",
         "2025-03-02T02:00"},
        {"the second before is", "0 2 * * *", "2025-03-01T01:59:59", "2025-03-01T02:00"},
        {"a step", "*/15 * * * *", "2025-03-01T02:16", "2025-03-01T02:30"},
        {"a step within a range", "10-50/10 * * * *", "2025-03-01T02:51", "2025-03-01T03:10"},
        {"a step from a value to the end", "3/15 * * * *", "2025-03-01T02:18", "2025-03-01T02:33"},
        {"... 48 is the last", "3/15 * * * *", "2025-03-01T02:48", "2025-03-01T03:03"},
        {"a step past the end is its first value", "5-10/90 * * * *", "2025-03-01T02:05",
         "2025-03-01T03:05"},
        {"a list", "0,20,40 * * * *", "2025-03-01T02:20", "2025-03-01T02:40"},
        {"hours that wrap", "0 22-2 * * *", "2025-03-01T02:00", "2025-03-01T22:00"},
        {"... on the other side of midnight", "0 22-2 * * *", "2025-03-01T23:00",
         "2025-03-02T00:00"},
        {"a step within a range that wraps", "0 22-2/2 * * *", "2025-03-01T22:00",
         "2025-03-02T00:00"},
        {"days that wrap", "0 0 30-2 * *", "2025-04-02T00:00", "2025-04-30T00:00"},
        {"weekdays that wrap", "0 0 * * FRI-MON", "2025-03-03T00:00", "2025-03-07T00:00"},
        {"months that wrap", "0 0 1 NOV-FEB *", "2025-02-01T00:00", "2025-11-01T00:00"},
        {"0 is Sunday", "0 0 * * 0", "2025-03-01T00:00", "2025-03-02T00:00"},
        {"7 is Sunday", "0 0 * * 7", "2025-03-01T00:00", "2025-03-02T00:00"},
        {"5-7 ends with Sunday", "0 0 * * 5-7", "2025-03-01T00:00", "2025-03-02T00:00"},
        {"FRI-SUN ends with Sunday", "0 0 * * FRI-SUN", "2025-03-02T00:00", "2025-03-07T00:00"},
        {"7-2 begins with Sunday", "0 0 * * 7-2", "2025-03-05T00:00", "2025-03-09T00:00"},
        {"1/2 ends with Sunday, the 7th", "0 0 * * 1/2", "2025-03-07T00:00", "2025-03-09T00:00"},
        {"names in any case", "0 0 * jUl mon", "2025-03-01T00:00", "2025-07-07T00:00"},
        {"full names", "0 0 * July MONDAY", "2025-03-01T00:00", "2025-07-07T00:00"},
        {"a name and a number in one range", "0 0 * * MON-3", "2025-03-05T00:00",
         "2025-03-10T00:00"},
        {"29 February waits for a leap year", "0 0 29 2 *", "2025-01-01T00:00", "2028-02-29T00:00"},
        {"2100 has no 29 February", "0 0 29 2 *", "2096-02-29T00:00", "2104-02-29T00:00"},
        {"2000 had one", "0 0 29 2 *", "1999-01-01T00:00", "2000-02-29T00:00"},
        {"the 31st skips short months", "0 0 31 * *", "2025-03-31T00:00", "2025-05-31T00:00"},
        {"the last day of February", "0 0 L * *", "2025-02-01T00:00", "2025-02-28T00:00"},
        {"... in a leap year", "0 0 L 2 *", "2028-02-01T00:00", "2028-02-29T00:00"},
        {"the 1st and the last day", "0 0 1,L * *", "2025-02-01T00:00", "2025-02-28T00:00"},
        {"the last Friday by number", "0 0 * * 5L", "2025-03-01T00:00", "2025-03-28T00:00"},
        {"the last Friday by name", "0 0 * * FRIL", "2025-03-28T00:00", "2025-04-25T00:00"},
        {"the last Saturday may be six days before the end", "0 0 * * 6L", "2025-02-01T00:00",
         "2025-02-22T00:00"},
        {"the last Sunday as 7L", "0 0 * * 7L", "2025-03-01T00:00", "2025-03-30T00:00"},
        {"the second Monday", "0 0 * * MON#2", "2025-03-01T00:00", "2025-03-10T00:00"},
        {"the first Saturday is the 1st", "0 0 * * 6#1", "2025-02-28T00:00", "2025-03-01T00:00"},
        {"a fifth Monday is not in every month", "0 0 * * 1#5", "2025-03-31T00:00",
         "2025-06-30T00:00"},
        {"the second Monday or any Friday", "0 0 * * MON#2,FRI", "2025-03-07T00:00",
         "2025-03-10T00:00"},
        {"the 13th OR a Friday, crontab(5)", "0 0 13 * 5", "2025-06-01T00:00", "2025-06-06T00:00"},
        {"... the 13th too", "0 0 13 * 5", "2025-05-09T00:00", "2025-05-13T00:00"},
        {"the last day OR a Monday", "0 0 L * 1", "2025-04-28T00:00", "2025-04-30T00:00"},
        {"the 13th OR the last Friday", "0 0 13 * 5L", "2025-06-13T00:00", "2025-06-27T00:00"},
        {"a star with a step is a star: odd days AND Mondays", "0 0 */2 * 1", "2025-03-01T00:00",
         "2025-03-03T00:00"},
        {"... the 10th is even", "0 0 */2 * 1", "2025-03-03T00:00", "2025-03-17T00:00"},
        {"a weekday with a star and a step AND the 13th", "0 0 13 * */2", "2025-03-01T00:00",
         "2025-03-13T00:00"},
        {"? is a star", "0 0 ? * MON", "2025-03-01T00:00", "2025-03-03T00:00"},
        {"? with a step is a star with a step", "?/20 ? 1 * ?", "2025-03-01T00:20",
         "2025-03-01T00:40"},
        {"a list that begins with a star is a star", "0 0 *,5 * 1", "2025-03-01T00:00",
         "2025-03-03T00:00"},
        {"a full range is not a star: any day OR Monday", "0 0 1-31 * 1", "2025-03-01T00:00",
         "2025-03-02T00:00"},
        {"seconds come first of six", "30 0 2 * * *", "2025-03-01T02:00", "2025-03-01T02:00:30"},
        {"every ten seconds", "*/10 * * * * *", "2025-03-01T02:00:50", "2025-03-01T02:01:00"},
        {"the last second of the year", "59 59 23 31 12 *", "2025-03-01", "2025-12-31T23:59:59"},
        {"@yearly", "@yearly", "2025-03-01", "2026-01-01"},
        {"@annually", "@annually", "2025-03-01", "2026-01-01"},
        {"@monthly", "@monthly", "2025-03-01", "2025-04-01"},
        {"@weekly is on Sunday", "@weekly", "2025-03-01", "2025-03-02"},
        {"@daily", "@daily", "2025-03-01", "2025-03-02"},
        {"@midnight", "@midnight", "2025-03-01", "2025-03-02"},
        {"@hourly, in any case", " @Hourly\t", "2025-03-01", "2025-03-01T01:00"},
        {"blanks and tabs between fields", "\t0   2\t*  * *  ", "2025-03-01", "2025-03-01T02:00"},
        {"leading zeros", "00 02 01 01 *", "2025-03-01", "2026-01-01T02:00"},
        {"29 February on a Sunday", "0 0 29 2 */7", "2025-01-01", "2032-02-29"},
        {"... 40 years later across 2100", "0 0 29 2 */7", "2088-02-29", "2128-02-29"},
        {"the fifth Monday of February", "0 0 * 2 MON#5", "2025-01-01", "2044-02-29"},
        {"before the year 0 comes the year 0", "0 0 1 1 *", "0000-01-01", "0001-01-01"},
        {"the last due time of all", "0 0 * * *", "9999-12-30", "9999-12-31"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        EXPECT_EQ(cron(row.cron).next_after(utc(row.now)), utc(row.next));
    }
}

TEST(CronSchedule, NothingIsDueFromTheYear10000On) {
    EXPECT_EQ(cron("0 0 * * *").next_after(utc("9999-12-31")), std::nullopt);
    EXPECT_EQ(cron("* * * * * *").next_after(UtcSeconds::max()), std::nullopt);
    EXPECT_EQ(cron("* * * * * *").next_after(UtcSeconds::min()), utc("0000-01-01"));
}

TEST(CronSchedule, AFixedTimeJobInAGapRunsOnceAtTheFirstInstantAfterIt) {
    EXPECT_THAT(due("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2),
                ElementsAre("2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"));
    EXPECT_THAT(due("0 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2),
                ElementsAre("2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"));
    EXPECT_THAT(due("0 0 * * *", "Africa/Cairo", "2026-04-23T12:00", 2),
                ElementsAre("2026-04-24T01:00:00+03:00", "2026-04-25T00:00:00+03:00"));
    EXPECT_THAT(due("15 2 * * *", "Australia/Lord_Howe", "2100-10-02T12:00", 2),
                ElementsAre("2100-10-03T02:30:00+11:00", "2100-10-04T02:15:00+11:00"));
}

TEST(CronSchedule, TheInstantAfterAGapIsFoundFromTheSecondBeforeIt) {
    EXPECT_THAT(due("30 2 * * *", "Europe/Berlin", "2026-03-29T01:59:59", 1),
                ElementsAre("2026-03-29T03:00:00+02:00"));
    EXPECT_THAT(due("30 2 * * *", "Europe/Berlin", "2026-03-29T03:00:00", 1),
                ElementsAre("2026-03-30T02:30:00+02:00"));
}

TEST(CronSchedule, SeveralTimesLostInOneGapAreOneRun) {
    EXPECT_THAT(due("5,20,35 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2),
                ElementsAre("2026-03-29T03:00:00+02:00", "2026-03-30T02:05:00+02:00"));
    EXPECT_THAT(due("30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00", 3),
                ElementsAre("2026-03-29T03:00:00+02:00", "2026-03-29T03:30:00+02:00",
                            "2026-03-30T02:30:00+02:00"));
    EXPECT_THAT(due("0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00", 2),
                ElementsAre("2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"));
    EXPECT_THAT(due("*/10 30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", 2),
                ElementsAre("2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"));
}

TEST(CronSchedule, ADayThatAZoneSkippedIsAGap) {
    EXPECT_THAT(due("0 8 30 12 *", "Pacific/Apia", "2011-01-01", 2),
                ElementsAre("2011-12-31T00:00:00+14:00", "2012-12-30T08:00:00+14:00"));
    EXPECT_THAT(due("0 8 * * *", "Pacific/Apia", "2011-12-29T00:00", 3),
                ElementsAre("2011-12-29T08:00:00-10:00", "2011-12-31T00:00:00+14:00",
                            "2011-12-31T08:00:00+14:00"));
    EXPECT_THAT(due("0 * 30 12 *", "Pacific/Apia", "2011-01-01", 1),
                ElementsAre("2012-12-30T00:00:00+14:00"));
}

TEST(CronSchedule, AFixedTimeJobInARepeatedHourRunsTheFirstTimeOnly) {
    EXPECT_THAT(due("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", 2),
                ElementsAre("2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"));
    EXPECT_THAT(due("0,30 1-3 * * *", "Europe/Berlin", "2026-10-25T01:30", 5),
                ElementsAre("2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00",
                            "2026-10-25T03:00:00+01:00", "2026-10-25T03:30:00+01:00",
                            "2026-10-26T01:00:00+01:00"));
    EXPECT_THAT(due("30 1 * * *", "America/New_York", "2100-11-06T12:00", 2),
                ElementsAre("2100-11-07T01:30:00-04:00", "2100-11-08T01:30:00-05:00"));
    EXPECT_THAT(due("30 2 * * *", "Europe/Berlin", "2026-10-25T02:15:00+01:00", 1),
                ElementsAre("2026-10-26T02:30:00+01:00"));
    EXPECT_THAT(due("30 23 * * *", "Africa/Cairo", "2026-10-29T12:00", 2),
                ElementsAre("2026-10-29T23:30:00+03:00", "2026-10-30T23:30:00+02:00"));
}

TEST(CronSchedule, OtherJobsFollowElapsedTime) {
    EXPECT_THAT(due("*/30 * * * *", "Europe/Berlin", "2026-03-29T01:00", 3),
                ElementsAre("2026-03-29T01:30:00+01:00", "2026-03-29T03:00:00+02:00",
                            "2026-03-29T03:30:00+02:00"));
    EXPECT_THAT(due("*/30 * * * *", "Europe/Berlin", "2026-10-25T01:30", 5),
                ElementsAre("2026-10-25T02:00:00+02:00", "2026-10-25T02:30:00+02:00",
                            "2026-10-25T02:00:00+01:00", "2026-10-25T02:30:00+01:00",
                            "2026-10-25T03:00:00+01:00"));
    EXPECT_THAT(due("0 */2 * * *", "Europe/Berlin", "2026-03-29T00:00", 2),
                ElementsAre("2026-03-29T04:00:00+02:00", "2026-03-29T06:00:00+02:00"));
    EXPECT_THAT(due("0 */2 * * *", "Europe/Berlin", "2026-10-25T00:00", 3),
                ElementsAre("2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00",
                            "2026-10-25T04:00:00+01:00"));
    EXPECT_THAT(due("@hourly", "Europe/Berlin", "2026-10-25T01:00", 3),
                ElementsAre("2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00",
                            "2026-10-25T03:00:00+01:00"));
    EXPECT_THAT(due("* 2 * * *", "Europe/Berlin", "2026-03-29T00:00", 1),
                ElementsAre("2026-03-30T02:00:00+02:00"));
}

TEST(CronSchedule, TheShapeOfMinuteAndHourDecidesWhichRuleHolds) {
    struct Row {
        const char* cron;
        bool fixed_time;
    };
    const Row rows[] = {{"0 2 * * *", true},    {"0,30 2-4 * * *", true}, {"0 0-23 * * *", true},
                        {"5/10 2 * * *", true}, {"* 2 * * *", false},     {"0 * * * *", false},
                        {"*/5 2 * * *", false}, {"0 */2 * * *", false},   {"? 2 * * *", false},
                        {"0 ? * * *", false},   {"* 0 2 * * *", true},    {"@daily", true},
                        {"@weekly", true},      {"@hourly", false}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.cron);
        EXPECT_EQ(cron(row.cron).is_fixed_time(), row.fixed_time);
    }
}

TEST(CronSchedule, ThatCanNeverBeDueIsAnErrorWhenParsed) {
    for (const char* expression : {"0 0 31 2 *", "0 0 30 2 *", "0 0 30,31 2 *", "0 0 31 4,6,9,11 *",
                                   "0 0 31 2 */2", "0 0 30 2 ?", "* * * 31 2 ?"}) {
        SCOPED_TRACE(expression);
        const auto schedule = CronSchedule::parse(expression, TimeZone());
        ASSERT_FALSE(schedule);
        EXPECT_EQ(schedule.error().code, ErrorCode::config_invalid);
    }
    EXPECT_THAT(CronSchedule::parse("0 0 31 2 *", TimeZone()).error().message,
                HasSubstr("\"0 0 31 2 *\": it can never be due: no month it names has such a day"));
    // The 31st of February OR a Monday.
    EXPECT_TRUE(CronSchedule::parse("0 0 31 2 1", TimeZone()));
}

TEST(CronSchedule, ThatIsDueOnlyInGapsIsAnErrorInThatZone) {
    // 02:xx on the last Sunday of March, as a job that follows elapsed time.
    const auto schedule = CronSchedule::parse("* 2 * 3 7L", zone("Europe/Berlin"));
    ASSERT_FALSE(schedule);
    EXPECT_THAT(schedule.error().message, HasSubstr("daylight saving in \"Europe/Berlin\" skips"));
    EXPECT_TRUE(CronSchedule::parse("* 2 * 3 7L", zone("UTC")));
    EXPECT_TRUE(CronSchedule::parse("0 2 * 3 7L", zone("Europe/Berlin")));
}

TEST(CronSchedule, IsEqualToOneThatIsAlwaysDueWithIt) {
    EXPECT_EQ(cron("0 2 * * MON"), cron("00 2 * * 1"));
    EXPECT_EQ(cron("@daily"), cron("0 0 * * *"));
    EXPECT_FALSE(cron("0 2 * * *") == cron("0 3 * * *"));
    EXPECT_FALSE(cron("0 2 * * *") == cron("0 2 * * *", "Europe/Berlin"));
}

}  // namespace
}  // namespace bansuri
