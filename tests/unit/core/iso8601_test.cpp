// SPDX-License-Identifier: MIT
#include "core/iso8601.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "support/times.hpp"

namespace bansuri {
namespace {

using namespace std::chrono_literals;
using test::utc;
using test::zone;

TEST(Iso8601, LocalTimeIsWrittenWithItsNumericOffset) {
    struct Row {
        const char* zone;
        const char* instant;
        const char* text;
    };
    const Row rows[] = {
        {"Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29T01:59:59+01:00"},
        {"Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-29T03:00:00+02:00"},
        {"UTC", "2026-03-29T01:00:00Z", "2026-03-29T01:00:00+00:00"},
        {"America/St_Johns", "2026-01-01T00:00:00Z", "2025-12-31T20:30:00-03:30"},
        {"Asia/Kathmandu", "2100-01-01T00:00:00Z", "2100-01-01T05:45:00+05:45"},
        {"Europe/Berlin", "1890-01-01T00:00:00Z", "1890-01-01T00:53:28+00:53:28"},
        {"Africa/Casablanca", "1900-01-01T00:00:00Z", "1899-12-31T23:29:40-00:30:20"},
    };
    for (const Row& row : rows) EXPECT_EQ(format_local(utc(row.instant), zone(row.zone)), row.text);
}

TEST(Iso8601, FractionsAreDroppedForPeopleAndKeptAsMillisecondsInUtc) {
    const WallTime instant = utc("2026-03-29T01:30:00Z") + 123'999us;
    EXPECT_EQ(format_local(instant, TimeZone()), "2026-03-29T01:30:00+00:00");
    EXPECT_EQ(format_utc(instant), "2026-03-29T01:30:00.123Z");
    EXPECT_EQ(format_utc(utc("2026-03-29T01:30:00Z")), "2026-03-29T01:30:00Z");
    EXPECT_EQ(format_utc(WallTime(-1us)), "1969-12-31T23:59:59.999Z");
}

TEST(Iso8601, TheFormsThatPeopleWriteAreRead) {
    struct Row {
        const char* why;
        const char* text;
        const char* utc_text;
    };
    const Row rows[] = {
        {"an offset wins over the zone", "2026-03-29T03:30:00+05:00", "2026-03-28T22:30:00Z"},
        {"west of Greenwich", "2026-03-29T03:30:00-0330", "2026-03-29T07:00:00Z"},
        {"hours alone", "2026-03-29T03:30:00+02", "2026-03-29T01:30:00Z"},
        {"Z is UTC", "2026-03-29T03:30:00Z", "2026-03-29T03:30:00Z"},
        {"small letters", "2026-03-29t03:30:00z", "2026-03-29T03:30:00Z"},
        {"local without seconds", "2026-03-28T03:30", "2026-03-28T02:30:00Z"},
        {"local with a blank", "2026-07-01 03:30:15", "2026-07-01T01:30:15Z"},
        {"a date is its midnight", "2026-07-01", "2026-06-30T22:00:00Z"},
        {"in the gap: the instant after it", "2026-03-29T02:30", "2026-03-29T01:00:00Z"},
        {"in the overlap: the first", "2026-10-25T02:30", "2026-10-25T00:30:00Z"},
        {"after the overlap", "2026-10-25T03:00", "2026-10-25T02:00:00Z"},
        {"summer of 2100", "2100-07-01T00:00", "2100-06-30T22:00:00Z"},
        {"a fraction", "2026-03-29T03:30:00.25Z", "2026-03-29T03:30:00.250Z"},
        {"a long fraction", "2026-03-29T03:30:00,1239999999Z", "2026-03-29T03:30:00.123Z"},
        {"a fraction in the gap is gone", "2026-03-29T02:30:00.5", "2026-03-29T01:00:00Z"},
        {"the first year", "0000-01-01T00:00Z", "0000-01-01T00:00:00Z"},
        {"the last second", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"},
        {"an offset with seconds", "1890-01-01T00:53:28+00:53:28", "1890-01-01T00:00:00Z"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        const auto instant = parse_iso8601(row.text, zone("Europe/Berlin"));
        ASSERT_TRUE(instant) << instant.error().message;
        EXPECT_EQ(format_utc(*instant), row.utc_text);
    }
}

TEST(Iso8601, ADayThatTheZoneSkippedIsTheInstantAfterIt) {
    const auto apia = parse_iso8601("2011-12-30T12:00", zone("Pacific/Apia"));
    EXPECT_EQ(format_local(apia.value(), zone("Pacific/Apia")), "2011-12-31T00:00:00+14:00");
}

TEST(Iso8601, OtherTextIsAUsageErrorThatShowsTheForm) {
    for (const char* text : {"",
                             "now",
                             "2026",
                             "2026-3-29",
                             "2026-13-01",
                             "2026-02-29",
                             "2026-03-29T",
                             "2026-03-29T03",
                             "2026-03-29T24:00",
                             "2026-03-29T23:60",
                             "2026-03-29T23:59:60",
                             "2026-03-29T03:30:00.",
                             "2026-03-29T03:30:00+",
                             "2026-03-29T03:30:00+2",
                             "2026-03-29T03:30:00+02:",
                             "2026-03-29T03:30:00+24:00",
                             "2026-03-29T03:30:00Z ",
                             " 2026-03-29",
                             "-2026-03-29",
                             "+2026-03-29",
                             "12026-03-29",
                             "2026-03-29T03:30Europe/Berlin",
                             "2026-03-29T03:30\xc2\xa0Z"}) {
        SCOPED_TRACE(text);
        const auto instant = parse_iso8601(text, TimeZone());
        ASSERT_FALSE(instant);
        EXPECT_EQ(instant.error().code, ErrorCode::usage);
        EXPECT_THAT(instant.error().message, ::testing::HasSubstr("2026-03-29T03:30:00+02:00"));
    }
}

RC_GTEST_PROP(Iso8601Property, WhatIsWrittenIsReadBackTheSame, ()) {
    const auto seconds = *rc::gen::inRange<std::int64_t>(-62'000'000'000, 250'000'000'000);
    const UtcSeconds instant{std::chrono::seconds(seconds)};
    const auto name = *rc::gen::element("Europe/Berlin", "Africa/Casablanca", "Pacific/Apia",
                                        "America/St_Johns", "UTC");
    RC_ASSERT(parse_iso8601(format_local(instant, zone(name)), TimeZone()) == WallTime(instant));
    RC_ASSERT(parse_iso8601(format_utc(instant), zone(name)) == WallTime(instant));
}

}  // namespace
}  // namespace bansuri
