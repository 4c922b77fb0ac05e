// SPDX-License-Identifier: MIT
#include "core/posix_rule.hpp"

#include <gtest/gtest.h>

#include "support/times.hpp"

namespace bansuri {
namespace {

using namespace std::chrono_literals;
using test::utc;

TEST(PosixRule, GivesTheSpanAroundAnInstant) {
    struct Row {
        const char* why;
        const char* rule;
        const char* instant;
        std::chrono::seconds offset;
        const char* begin;
        const char* end;
    };
    const Row rows[] = {
        {"northern summer", "CET-1CEST,M3.5.0,M10.5.0/3", "2050-07-01", 2h, "2050-03-27T01:00",
         "2050-10-30T01:00"},
        {"northern winter over New Year", "CET-1CEST,M3.5.0,M10.5.0/3", "2050-01-01", 1h,
         "2049-10-31T01:00", "2050-03-27T01:00"},
        {"a span begins with its first second", "EST5EDT,M3.2.0,M11.1.0", "2050-03-13T07:00", -4h,
         "2050-03-13T07:00", "2050-11-06T06:00"},
        {"southern summer over New Year", "AEST-10AEDT,M10.1.0,M4.1.0/3", "2050-01-01", 11h,
         "2049-10-02T16:00", "2050-04-02T16:00"},
        {"half an hour", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", "2050-07-01", 10h + 30min,
         "2050-04-02T15:00", "2050-10-01T15:30"},
        {"summer time that is winter time by name", "IST-1GMT0,M10.5.0,M3.5.0/1", "2050-07-01", 1h,
         "2050-03-27T01:00", "2050-10-30T01:00"},
        {"a negative time is on the day before", "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", "2050-07-01",
         -1h, "2050-03-27T01:00", "2050-10-30T01:00"},
        {"fifty hours are two days later", "EET-2EEST,M3.4.4/50,M10.4.4/50", "2050-07-01", 3h,
         "2050-03-26T00:00", "2050-10-28T23:00"},
        {"days of the year, 29 February not counted", "AAA0BBB,J60/0,J300/0", "2052-03-02", 1h,
         "2052-03-01T00:00", "2052-10-26T23:00"},
        {"days of the year from 0, 29 February counted", "AAA0BBB,59/0,300/0", "2052-03-02", 1h,
         "2052-02-29T00:00", "2052-10-26T23:00"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        const auto rule = PosixRule::parse(row.rule);
        ASSERT_TRUE(rule);
        const TimeZone::Span span = rule->span_at(utc(row.instant));
        EXPECT_EQ(span.offset, row.offset);
        EXPECT_EQ(span.begin, utc(row.begin));
        EXPECT_EQ(span.end, utc(row.end));
    }
}

TEST(PosixRule, WithoutChangesIsOneSpan) {
    for (const char* text : {"<+0545>-5:45", "UTC0", "<-00>0"}) {
        const auto rule = PosixRule::parse(text);
        ASSERT_TRUE(rule);
        EXPECT_EQ(rule->span_at(utc("2050-01-01")).begin, UtcSeconds::min());
        EXPECT_EQ(rule->span_at(utc("2050-01-01")).end, UtcSeconds::max());
    }
}

TEST(PosixRule, SummerMayLastAllYear) {
    const auto rule = PosixRule::parse("EST5EDT,0/0,J365/25");
    ASSERT_TRUE(rule);
    for (const char* instant : {"2050-01-01T04:59:59", "2050-01-01T05:00:00", "2050-07-01"}) {
        EXPECT_EQ(rule->span_at(utc(instant)).offset, -4h);
    }
}

TEST(PosixRule, OtherTextIsNone) {
    for (const char* text :
         {"", "C", "CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,",
          "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,M3.0.0,M10.5.0",
          "CET-1CEST,M3.5.7,M10.5.0", "CET-1CEST,J0,J1", "CET-1CEST,366,1", "CET-25", "CET-1:60",
          "<CET-1", "<+>1", "12345", "CET-1CEST,M3.5.0/168,M10.5.0",
          "CET-1CEST,M3.5.0,M10.5.0/3 "}) {
        SCOPED_TRACE(text);
        EXPECT_FALSE(PosixRule::parse(text));
    }
}

}  // namespace
}  // namespace bansuri
