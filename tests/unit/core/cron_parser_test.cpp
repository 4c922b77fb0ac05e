// SPDX-License-Identifier: MIT
//
// What is no cron expression, and what the person who wrote it is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "core/cron_fields.hpp"

namespace bansuri {
namespace {

using ::testing::HasSubstr;

TEST(CronParser, AWrongFieldIsNamedWithItsTokenAndWhatIsAllowed) {
    EXPECT_EQ(parse_cron_fields("61 * * * *").error().message,
              "cron expression \"61 * * * *\": minute field: \"61\": \"61\" is out of range; "
              "allowed are 0-59, for example 30, */5 or 0,15-20");
    struct Row {
        const char* text;
        const char* field;
        const char* reason;
    };
    const Row rows[] = {
        {"60 * * * *", "minute field", "\"60\" is out of range"},
        {"* 24 * * *", "hour field", "\"24\" is out of range; allowed are 0-23"},
        {"* * 0 * *", "day field", "\"0\" is out of range; allowed are 1-31 or L"},
        {"* * 32 * *", "day field", "out of range"},
        {"* * * 0 *", "month field", "out of range; allowed are 1-12 or JAN-DEC"},
        {"* * * 13 *", "month field", "out of range"},
        {"* * * * 8", "weekday field", "out of range; allowed are 0-7 or SUN-SAT"},
        {"60 * * * * *", "second field", "out of range"},
        {"5-60 * * * *", "minute field: \"5-60\"", "\"60\" is out of range"},
        {"99999999999999999999 * * * *", "minute field", "out of range"},
        {"*/0 * * * *", "minute field: \"*/0\"", "a step of 1 or more"},
        {"*/ * * * *", "minute field", "a step of 1 or more"},
        {"*/-5 * * * *", "minute field", "a step of 1 or more"},
        {"*/x * * * *", "minute field", "a step of 1 or more"},
        {"*/5/5 * * * *", "minute field", "a step of 1 or more"},
        {"/5 * * * *", "minute field", "a value is missing"},
        {"1,,2 * * * *", "minute field: \"1,,2\"", "an element of the list is empty"},
        {",1 * * * *", "minute field", "an element of the list is empty"},
        {"1, * * * *", "minute field", "an element of the list is empty"},
        {", * * * *", "minute field", "an element of the list is empty"},
        {"- * * * *", "minute field", "a value is missing"},
        {"5- * * * *", "minute field", "a value is missing"},
        {"-5 * * * *", "minute field", "a value is missing"},
        {"1-2-3 * * * *", "minute field", "\"2-3\" is not a value"},
        {"** * * * *", "minute field", "\"**\" is not a value"},
        {"*5 * * * *", "minute field", "is not a value"},
        {"*-5 * * * *", "minute field", "\"*\" is not a value"},
        {"five * * * *", "minute field", "\"five\" is not a value"},
        {"+5 * * * *", "minute field", "is not a value"},
        {"5.5 * * * *", "minute field", "is not a value"},
        {"JAN * * * *", "minute field", "is not a value"},
        {"* * * MON *", "month field", "\"MON\" is not a value"},
        {"* * * * JAN", "weekday field", "\"JAN\" is not a value"},
        {"* * * JANU *", "month field", "is not a value"},
        {"* * * * MO", "weekday field", "is not a value"},
        {"* L * * *", "hour field", "not supported"},
        {"* * L-3 * *", "day field", "L-3, 15W and LW are not supported"},
        {"* * 15W * *", "day field", "L-3, 15W and LW are not supported"},
        {"* * LW * *", "day field", "L-3, 15W and LW are not supported"},
        {"* * L/2 * *", "day field", "not supported"},
        {"* * * * L", "weekday field", "the last Friday is 5L"},
        {"* * * * L5", "weekday field", "the last Friday is 5L"},
        {"* * * * 8L", "weekday field: \"8L\"", "\"8\" is out of range"},
        {"* * * * LL", "weekday field", "the last Friday is 5L"},
        {"* * * * 1-5L", "weekday field", "\"1-5\" is not a value"},
        {"* * * * MON#0", "weekday field", "which one of the month, 1-5"},
        {"* * * * MON#6", "weekday field", "which one of the month, 1-5"},
        {"* * * * MON#", "weekday field", "which one of the month, 1-5"},
        {"* * * * MON#1#2", "weekday field", "which one of the month, 1-5"},
        {"* * * * #2", "weekday field", "a value is missing"},
        {"* * * * *#2", "weekday field", "\"*\" is not a value"},
        {"H * * * *", "minute field", "use the key \"jitter\""},
        {"0~30 * * * *", "minute field", "use the key \"jitter\""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const auto fields = parse_cron_fields(row.text);
        ASSERT_FALSE(fields);
        EXPECT_EQ(fields.error().code, ErrorCode::config_invalid);
        EXPECT_THAT(fields.error().message, HasSubstr(row.field));
        EXPECT_THAT(fields.error().message, HasSubstr(row.reason));
        EXPECT_THAT(fields.error().message, HasSubstr("for example"));
    }
}

TEST(CronParser, AWrongWholeIsExplained) {
    struct Row {
        std::string text;
        const char* reason;
    };
    const Row rows[] = {
        {"", "it has 0 fields; write five"},
        {" \t ", "it has 0 fields"},
        {"* * * *", "it has 4 fields; write five, \"minute hour day month weekday\""},
        {"* * * * * * *", "it has 7 fields"},
        {"@fortnightly", "unknown macro; write @hourly, @daily"},
        {"@", "unknown macro"},
        {"@daily 5", "unknown macro"},
        {"@reboot", "runs once at start-up"},
        {"@every 5m", "write \"timer\": \"5m\" instead"},
        {"CRON_TZ=UTC 0 2 * * *", "use the key \"timezone\""},
        {"TZ=UTC 0 2 * * *", "use the key \"timezone\""},
        {"0 2 * * \xe2\x88\x97", "character 9 is not printable ASCII"},
        {std::string("0 2 * * *\0", 10), "character 10 is not printable ASCII"},
        {"0 2 * * *\x1b[2J", "character 10 is not printable ASCII"},
        {std::string(1'000'000, '*'), "it is longer than 1024 characters"},
        {std::string(1'000'000, ' '), "it is longer than 1024 characters"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text.substr(0, 40));
        const auto fields = parse_cron_fields(row.text);
        ASSERT_FALSE(fields);
        EXPECT_EQ(fields.error().code, ErrorCode::config_invalid);
        EXPECT_THAT(fields.error().message, HasSubstr(row.reason));
        EXPECT_LT(fields.error().message.size(), 400u);
    }
}

TEST(CronParser, TheLongestSensibleListIsTaken) {
    std::string list = "0";
    for (int i = 1; i < 60; ++i) list += "," + std::to_string(i);
    const auto fields = parse_cron_fields(list + " " + list + " * * * *");
    ASSERT_TRUE(fields);
    EXPECT_EQ(fields->minutes, (std::uint64_t{1} << 60) - 1);
    EXPECT_EQ(fields->seconds, fields->minutes);
}

TEST(CronParser, FieldsBecomeSets) {
    const auto fields = parse_cron_fields("5/20 22-2 1,L,15-16 NOV-jan 5L,mon#2,SUNDAY,1#2");
    ASSERT_TRUE(fields) << fields.error().message;
    EXPECT_EQ(fields->seconds, 1u);
    EXPECT_EQ(fields->minutes, 1ull << 5 | 1ull << 25 | 1ull << 45);
    EXPECT_EQ(fields->hours, 1u << 22 | 1u << 23 | 1u << 0 | 1u << 1 | 1u << 2);
    EXPECT_EQ(fields->days, 1u << 1 | 1u << 15 | 1u << 16);
    EXPECT_TRUE(fields->last_day);
    EXPECT_EQ(fields->months, 1u << 11 | 1u << 12 | 1u << 1);
    EXPECT_EQ(fields->weekdays, 1u << 0);
    EXPECT_EQ(fields->last_weekdays, 1u << 5);
    EXPECT_EQ(fields->nth_weekdays[1], 1u << 1);
    EXPECT_FALSE(fields->day_is_star);
    EXPECT_FALSE(fields->weekday_is_star);
    EXPECT_TRUE(fields->fixed_time);
}

}  // namespace
}  // namespace bansuri
