// SPDX-License-Identifier: MIT
#include "core/time_zone.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <thread>
#include <vector>

#include "support/cron_oracle.hpp"
#include "support/times.hpp"

namespace bansuri {
namespace {

using namespace std::chrono_literals;
using test::utc;
using test::zone;

TEST(TimeZone, OffsetsAreRightBeyondTheLastListedTransition) {
    struct Row {
        const char* zone;
        const char* instant;
        std::chrono::seconds offset;
    };
    const Row rows[] = {
        {"Europe/Berlin", "2026-01-15", 1h},
        {"Europe/Berlin", "2026-07-15", 2h},
        {"Europe/Berlin", "2038-07-15", 2h},
        {"Europe/Berlin", "2100-01-15", 1h},
        {"Europe/Berlin", "2100-07-15", 2h},
        {"Europe/Berlin", "9999-07-15", 2h},
        {"America/New_York", "2120-07-04", -4h},
        {"Australia/Lord_Howe", "2100-01-01", 11h},
        {"Australia/Lord_Howe", "2100-07-01", 10h + 30min},
        {"Pacific/Apia", "2100-01-01", 13h},
        {"Africa/Cairo", "2100-07-01", 3h},
        {"Europe/Dublin", "2100-07-01", 1h},
        {"America/Nuuk", "2100-07-01", -1h},
        {"Africa/Casablanca", "2100-07-01", 1h},
        {"Europe/Berlin", "1800-01-01", 53min + 28s},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(std::string(row.zone) + " " + row.instant);
        EXPECT_EQ(zone(row.zone).span_at(utc(row.instant)).offset, row.offset);
    }
}

TEST(TimeZone, SpansHoldTheirInstantAndFollowEachOther) {
    for (const char* name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                             "Pacific/Apia", "Africa/Cairo", "Africa/Casablanca", "Asia/Gaza",
                             "America/Nuuk", "Europe/Dublin", "Antarctica/Troll"}) {
        SCOPED_TRACE(name);
        const TimeZone here = zone(name);
        TimeZone::Span span = here.span_at(utc("1800-01-01"));
        while (span.end < utc("2300-01-01")) {
            const TimeZone::Span next = here.span_at(span.end);
            ASSERT_EQ(next.begin, span.end);
            ASSERT_EQ(here.span_at(span.end - 1s).begin, span.begin);
            ASSERT_GT(next.end, next.begin);
            span = next;
        }
    }
}

TEST(TimeZone, AgreesWithGlibcUntil2120) {
    for (const char* name :
         {"Europe/Berlin",    "America/New_York",     "Australia/Lord_Howe", "Pacific/Apia",
          "Africa/Cairo",     "Africa/Casablanca",    "Asia/Gaza",           "Asia/Jerusalem",
          "America/Nuuk",     "Europe/Dublin",        "America/Santiago",    "Pacific/Easter",
          "Antarctica/Troll", "America/Scoresbysund", "Pacific/Chatham",     "America/Havana",
          "Asia/Beirut",      "Europe/Chisinau",      "Asia/Tehran",         "America/St_Johns",
          "Africa/El_Aaiun",  "Atlantic/Azores",      "Pacific/Norfolk",     "UTC"}) {
        SCOPED_TRACE(name);
        const TimeZone here = zone(name);
        test::use_zone(name);
        for (UtcSeconds instant = utc("1975-01-01"); instant < utc("2120-01-01");) {
            const TimeZone::Span span = here.span_at(instant);
            for (const UtcSeconds probe : {instant, std::min(span.end, utc("2120-01-01")) - 1s}) {
                ASSERT_EQ(
                    span.offset.count(),
                    test::offset_at(static_cast<std::time_t>(probe.time_since_epoch().count())))
                    << format_utc(probe);
            }
            instant = span.end;
        }
    }
}

TEST(TimeZone, AnyInstantHasASpan) {
    for (const char* name : {"Europe/Berlin", "UTC", "Asia/Tokyo"}) {
        const TimeZone here = zone(name);
        for (const UtcSeconds instant :
             {UtcSeconds(std::chrono::floor<std::chrono::seconds>(WallTime::min())),
              UtcSeconds(std::chrono::floor<std::chrono::seconds>(WallTime::max()))}) {
            const TimeZone::Span span = here.span_at(instant);
            EXPECT_GE(span.offset, -26h);
            EXPECT_LE(span.offset, 26h);
            EXPECT_LT(span.begin, span.end);
        }
    }
}

TEST(TimeZone, AnUnknownNameIsNotFoundAndNamed) {
    const std::string_view names[] = {"",
                                      ".",
                                      "/",
                                      "Europe",
                                      "Europe/",
                                      "Mars/Olympus",
                                      "../../etc/passwd",
                                      "../zoneinfo/Europe/Berlin",
                                      "Europe/../Europe/Berlin",
                                      "/usr/share/zoneinfo/Europe/Berlin",
                                      "/etc/localtime",
                                      "localtime",
                                      "posixrules",
                                      "zone.tab",
                                      "right/Europe/Berlin",
                                      " Europe/Berlin",
                                      std::string_view("UTC\0", 4),
                                      std::string_view("Europe/Berlin\0x", 15)};
    for (const auto name : names) {
        SCOPED_TRACE(name);
        const auto found = TimeZone::find(name);
        ASSERT_FALSE(found);
        EXPECT_EQ(found.error().code, ErrorCode::not_found);
    }
    EXPECT_THAT(TimeZone::find("Mars/Olympus").error().message,
                ::testing::HasSubstr("\"Mars/Olympus\""));
    EXPECT_EQ(TimeZone::find("europe/berlin").error().message,
              "no time zone \"europe/berlin\"; did you mean \"Europe/Berlin\"?");
    EXPECT_LT(TimeZone::find(std::string(1'000'000, 'x')).error().message.size(), 300u);
}

TEST(TimeZone, IsEqualByName) {
    EXPECT_EQ(TimeZone(), zone("UTC"));
    EXPECT_EQ(zone("Europe/Berlin"), zone("Europe/Berlin"));
    EXPECT_FALSE(zone("Europe/Berlin") == zone("Europe/Paris"));
}

TEST(TimeZone, TheSystemsZoneIsTheOneThatTzNames) {
    struct Row {
        const char* variable;
        const char* zone;
    };
    const Row rows[] = {{"Europe/Berlin", "Europe/Berlin"},
                        {":Europe/Berlin", "Europe/Berlin"},
                        {"/usr/share/zoneinfo/Asia/Tokyo", "Asia/Tokyo"},
                        {":/usr/share/zoneinfo/posix/Asia/Tokyo", "Asia/Tokyo"},
                        {"", "UTC"}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.variable);
        ::setenv("TZ", row.variable, 1);
        EXPECT_EQ(TimeZone::system().name(), row.zone);
    }
    ::unsetenv("TZ");
    const std::string machine = TimeZone::system().name();
    EXPECT_TRUE(TimeZone::find(machine));
    ::setenv("TZ", "No/Such_Zone", 1);
    EXPECT_EQ(TimeZone::system().name(), machine);
    ::unsetenv("TZ");
}

TEST(TimeZone, CanBeSoughtFromManyThreads) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([] {
            for (const char* name : {"Europe/Paris", "Asia/Tokyo", "America/Lima", "Nowhere"}) {
                const auto found = TimeZone::find(name);
                if (found) {
                    EXPECT_LT(found->span_at(utc("2050-01-01")).begin, utc("2050-01-01"));
                }
            }
        });
    }
    for (auto& thread : threads) thread.join();
}

TEST(TimeZone, TheFirstReadingOfALocalTimeIsAfterTheGapAndBeforeTheOverlap) {
    struct Row {
        const char* zone;
        const char* local;
        const char* instant;
    };
    const Row rows[] = {
        {"Europe/Berlin", "2026-03-29T01:59:59", "2026-03-29T00:59:59"},
        {"Europe/Berlin", "2026-03-29T02:00:00", "2026-03-29T01:00:00"},
        {"Europe/Berlin", "2026-03-29T02:59:59", "2026-03-29T01:00:00"},
        {"Europe/Berlin", "2026-03-29T03:00:00", "2026-03-29T01:00:00"},
        {"Europe/Berlin", "2026-03-29T03:00:01", "2026-03-29T01:00:01"},
        {"Europe/Berlin", "2026-10-25T02:00:00", "2026-10-25T00:00:00"},
        {"Europe/Berlin", "2026-10-25T02:59:59", "2026-10-25T00:59:59"},
        {"Europe/Berlin", "2026-10-25T03:00:00", "2026-10-25T02:00:00"},
        {"Pacific/Apia", "2011-12-30T18:00:00", "2011-12-30T10:00:00"},
        {"Australia/Lord_Howe", "2100-10-03T02:15:00", "2100-10-02T15:30:00"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(std::string(row.zone) + " " + row.local);
        EXPECT_EQ(zone(row.zone).first_reading(utc(row.local)), utc(row.instant));
    }
}

}  // namespace
}  // namespace bansuri
