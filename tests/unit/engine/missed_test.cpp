// SPDX-License-Identifier: MIT
#include "engine/missed.hpp"

#include <gtest/gtest.h>

#include "support/simulated_world.hpp"

namespace bansuri::engine {
namespace {

using testing::utc;

TEST(SettleOverdue, AtMostOneInstantRunsAndEveryOtherIsCounted) {
    struct Row {
        const char* why;
        const char* cron;
        const char* first;
        const char* now;
        const char* runs;  // nullptr: none
        std::uint64_t skipped;
    };
    const Row rows[] = {
        {"on time", "0 2 * * *", "2026-01-05T02:00:00", "2026-01-05T02:00:00",
         "2026-01-05T02:00:00", 0},
        {"a little late", "*/5 * * * *", "2026-01-05T02:00:00", "2026-01-05T02:00:59",
         "2026-01-05T02:00:00", 0},
        {"a wildcard job more than a minute late", "*/5 * * * *", "2026-01-05T02:00:00",
         "2026-01-05T02:01:01", nullptr, 1},
        {"a wildcard job late by many: the latest may still be in time", "*/5 * * * *",
         "2026-01-05T02:00:00", "2026-01-05T03:00:10", "2026-01-05T03:00:00", 12},
        {"a fixed-time job three hours late", "0 2 * * *", "2026-01-05T02:00:00",
         "2026-01-05T05:00:00", "2026-01-05T02:00:00", 0},
        {"a fixed-time job later than that", "0 2 * * *", "2026-01-05T02:00:00",
         "2026-01-05T05:00:01", nullptr, 1},
        {"of several fixed times the latest", "0 2,3,4 * * *", "2026-01-05T02:00:00",
         "2026-01-05T04:30:00", "2026-01-05T04:00:00", 2},
        {"every second, five seconds late", "* * * * * *", "2026-01-05T02:00:00",
         "2026-01-05T02:00:05", "2026-01-05T02:00:05", 5},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        const auto schedule = CronSchedule::parse(row.cron, TimeZone()).value();
        const Overdue overdue = settle_overdue(schedule, utc(row.first), utc(row.now));
        EXPECT_EQ(overdue.run.has_value(), row.runs != nullptr);
        if (row.runs != nullptr) {
            EXPECT_EQ(overdue.run, utc(row.runs));
        }
        EXPECT_EQ(overdue.skipped ? overdue.skipped->count : 0u, row.skipped);
        EXPECT_EQ(overdue.skipped ? overdue.skipped->first : utc(row.first), utc(row.first));
    }
}

TEST(SettleOverdue, StopsCountingInBoundedTime) {
    const auto schedule = CronSchedule::parse("* * * * * *", TimeZone()).value();
    const Overdue overdue =
        settle_overdue(schedule, utc("2020-01-01T00:00:00"), utc("2026-01-01T00:00:00"));
    ASSERT_TRUE(overdue.skipped);
    EXPECT_EQ(overdue.skipped->count, most_counted);
    EXPECT_TRUE(overdue.skipped->at_least);
}

}  // namespace
}  // namespace bansuri::engine
