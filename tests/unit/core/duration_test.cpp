// SPDX-License-Identifier: MIT
#include "core/duration.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace bansuri {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

TEST(Duration, IsReadFromSecondsAndUnits) {
    struct Row {
        const char* text;
        Duration duration;
    };
    const Row rows[] = {
        {"30", 30s},        {"0", 0s},
        {"0.5", 500ms},     {"1.25", 1250ms},
        {"0.1", 100ms},     {"007", 7s},
        {"250ms", 250ms},   {"30s", 30s},
        {"5m", 5min},       {"2h", 2h},
        {"1d", 24h},        {"4m30s", 4min + 30s},
        {"1h30m", 90min},   {"1d2h3m4s5ms", 26h + 3min + 4s + 5ms},
        {"1.5h", 90min},    {"1h 30m", 90min},
        {"5 m", 5min},      {"  30s\t", 30s},
        {"0.0000019", 1us}, {"36525d", longest_duration},
        {"90s", 90s},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const auto duration = parse_duration(row.text);
        ASSERT_TRUE(duration) << duration.error().message;
        EXPECT_EQ(*duration, row.duration);
    }
}

TEST(Duration, TextThatIsNoneIsRefusedWithTheReason) {
    struct Row {
        std::string_view text;
        const char* reason;
    };
    const std::string million_digits(1'000'000, '9');
    const Row rows[] = {
        {"", "it is empty"},
        {"   ", "it is empty"},
        {"-1", "it is negative"},
        {"5m-3s", "unknown unit \"m-\""},
        {"5 parsecs", "unknown unit \"parsecs\""},
        {"5M", "unknown unit \"M\""},
        {"1e3", "unknown unit \"e\""},
        {"5us", "unknown unit \"us\""},
        {"m", "\"m\" is not a number"},
        {"inf", "\"inf\" is not a number"},
        {"nan", "is not a number"},
        {"+5", "is not a number"},
        {".5", "is not a number"},
        {"5.", "unknown unit \".\""},
        {"4m30", "a number has no unit"},
        {"4 30", "a number has no unit"},
        {"5m5m", "each stands once"},
        {"30s5m", "from large to small"},
        {"36526d", "longer than 100 years"},
        {"36525d1ms", "longer than 100 years"},
        {"99999999999999999999", "longer than 100 years"},
        {million_digits, "longer than 100 years"},
        {std::string_view("5\0s", 3), "unknown unit \"\\x00s\""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text.substr(0, 40));
        const auto duration = parse_duration(row.text);
        ASSERT_FALSE(duration);
        EXPECT_EQ(duration.error().code, ErrorCode::config_invalid);
        EXPECT_THAT(duration.error().message, HasSubstr(row.reason));
        EXPECT_LT(duration.error().message.size(), 300u);
    }
}

TEST(Duration, TheErrorShowsWhatWouldBeRight) {
    EXPECT_EQ(parse_duration("5 parsecs").error().message,
              "\"5 parsecs\" is not a duration: unknown unit \"parsecs\"; write 30s, 5m or 1h30m");
}

TEST(Duration, IsTakenFromAJsonNumberOfSeconds) {
    EXPECT_EQ(duration_from_seconds(30).value(), 30s);
    EXPECT_EQ(duration_from_seconds(0.1).value(), 100ms);
    EXPECT_EQ(duration_from_seconds(-0.0).value(), 0s);
    EXPECT_EQ(duration_from_seconds(3'155'760'000.0).value(), longest_duration);
    for (const double wrong :
         {-1.0, -1e-9, 1e300, 3'155'760'001.0, std::numeric_limits<double>::infinity(),
          std::numeric_limits<double>::quiet_NaN()}) {
        SCOPED_TRACE(wrong);
        const auto duration = duration_from_seconds(wrong);
        ASSERT_FALSE(duration);
        EXPECT_EQ(duration.error().code, ErrorCode::config_invalid);
    }
}

TEST(Duration, IsWrittenInTheUnitsThatItHas) {
    struct Row {
        Duration duration;
        const char* text;
    };
    const Row rows[] = {
        {0s, "0s"},
        {250ms, "250ms"},
        {30s, "30s"},
        {4min + 30s, "4m30s"},
        {90min, "1h30m"},
        {26h, "1d2h"},
        {1250ms, "1s250ms"},
        {1500us, "1.5ms"},
        {1us, "0.001ms"},
        {-90s, "-1m30s"},
        {Duration::min(), "-106751991d4h54s775.807ms"},
    };
    for (const Row& row : rows) EXPECT_EQ(format_duration(row.duration), row.text);
}

RC_GTEST_PROP(DurationProperty, WhatIsWrittenIsReadBackTheSame, ()) {
    const Duration duration(
        *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(0, longest_duration.count() + 1),
                        rc::gen::inRange<std::int64_t>(0, 100'000'000)));
    RC_ASSERT(parse_duration(format_duration(duration)) == duration);
}

RC_GTEST_PROP(DurationProperty, AnyTextIsADurationWithinBoundsOrAnError, ()) {
    const auto text =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("0123456789.dhms -+eE\t")));
    const auto duration = parse_duration(text);
    if (duration) {
        RC_ASSERT(*duration >= Duration::zero());
        RC_ASSERT(*duration <= longest_duration);
    }
}

}  // namespace
}  // namespace bansuri
