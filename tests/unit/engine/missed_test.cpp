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
        const Overdue overdue = settle_overdue(schedule, utc(row.first), utc(row.now), {});
        EXPECT_EQ(overdue.runs.size(), row.runs != nullptr ? 1u : 0u);
        if (row.runs != nullptr) {
            ASSERT_EQ(overdue.runs.size(), 1u);
            EXPECT_EQ(overdue.runs[0].instant, utc(row.runs));
        }
        EXPECT_EQ(overdue.skipped ? overdue.skipped->count : 0u, row.skipped);
        EXPECT_EQ(overdue.skipped ? overdue.skipped->first : utc(row.first), utc(row.first));
    }
}

TEST(SettleOverdue, CatchingUp) {
    struct Row {
        const char* why;
        const char* cron;
        CatchUp policy;
        Duration window;
        std::size_t runs;
        const char* first_run;
        std::uint64_t skipped;
        RunOrigin origin;  // of the last run
    };
    using std::chrono::hours;
    const Row rows[] = {
        {"none, while Bansuri was down: also a fixed-time job is missed", "0 2 * * *",
         CatchUp::none, hours(24), 0, nullptr, 1, RunOrigin::schedule},
        {"latest", "0 * * * *", CatchUp::latest, hours(24), 1, "2026-01-05T04:00:00", 4,
         RunOrigin::catch_up},
        {"latest, outside of the window", "0 2 * * *", CatchUp::latest, hours(1), 0, nullptr, 1,
         RunOrigin::schedule},
        {"all", "0 * * * *", CatchUp::all, hours(24), 5, "2026-01-05T00:00:00", 0,
         RunOrigin::catch_up},
        {"all of the window", "0 * * * *", CatchUp::all, hours(2), 2, "2026-01-05T03:00:00", 3,
         RunOrigin::catch_up},
        {"all, a hundred at most", "* * * * *", CatchUp::all, hours(24), 100, "2026-01-05T02:51:00",
         171, RunOrigin::catch_up},
        {"one that is just due is no catching up", "30 4 * * *", CatchUp::all, hours(24), 1,
         "2026-01-05T04:30:00", 0, RunOrigin::schedule},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        const auto schedule = CronSchedule::parse(row.cron, TimeZone()).value();
        const Overdue overdue =
            settle_overdue(schedule, utc("2026-01-05T00:00:00"), utc("2026-01-05T04:30:00"),
                           {row.policy, row.window, true});
        ASSERT_EQ(overdue.runs.size(), row.runs);
        EXPECT_EQ(overdue.skipped ? overdue.skipped->count : 0u, row.skipped);
        if (row.runs == 0) continue;
        EXPECT_EQ(overdue.runs.front().instant, utc(row.first_run));
        EXPECT_EQ(overdue.runs.back().origin, row.origin);
    }
}

TEST(SettleOverdue, StopsCountingInBoundedTime) {
    const auto schedule = CronSchedule::parse("* * * * * *", TimeZone()).value();
    const Overdue overdue =
        settle_overdue(schedule, utc("2020-01-01T00:00:00"), utc("2026-01-01T00:00:00"), {});
    ASSERT_TRUE(overdue.skipped);
    EXPECT_EQ(overdue.skipped->count, most_counted);
    EXPECT_TRUE(overdue.skipped->at_least);
}

}  // namespace
}  // namespace bansuri::engine
