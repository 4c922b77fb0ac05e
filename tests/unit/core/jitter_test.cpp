// SPDX-License-Identifier: MIT
#include "core/jitter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace bansuri {
namespace {

using namespace std::chrono_literals;

constexpr WallTime midnight = WallTime(std::chrono::hours(24 * 20'000));

// Another answer would let a daemon of the next version start an instant at another time than the
// one that died while it was delayed.
TEST(Jitter, IsTheSameInEachVersion) {
    EXPECT_EQ(part_of_jitter("backup", midnight, 1h), Duration(60'480'887));
    EXPECT_EQ(part_of_jitter("backup", midnight + 24h, 1h), Duration(2'257'678'413));
    EXPECT_EQ(part_of_jitter("report", midnight, 1h), Duration(2'862'472'014));
}

TEST(Jitter, IsAPartOfWhatIsAllowed) {
    EXPECT_EQ(part_of_jitter("backup", midnight, 0s), 0s);
    EXPECT_EQ(part_of_jitter("backup", midnight, Duration(1)), 0s);
    for (int day = 0; day < 1000; ++day) {
        const Duration delay = part_of_jitter("backup", midnight + day * 24h, 100 * 8766h);
        EXPECT_GE(delay, 0s);
        EXPECT_LT(delay, 100 * 8766h);
    }
}

TEST(Jitter, SpreadsInstantsAndTasksEvenly) {
    const auto expect_even = [](const auto& delay_of) {
        std::vector<int> tenths(10);
        for (int i = 0; i < 10'000; ++i) {
            ++tenths[static_cast<std::size_t>(delay_of(i) / 1min)];
        }
        for (const int count : tenths) {
            EXPECT_GT(count, 850);
            EXPECT_LT(count, 1150);
        }
    };
    expect_even([](int i) { return part_of_jitter("t", midnight + i * 1min, 10min); });
    expect_even([](int i) { return part_of_jitter("t" + std::to_string(i), midnight, 10min); });
}

Task with(Schedule schedule, Duration jitter) {
    Task made;
    made.name = "t";
    made.schedule = std::move(schedule);
    made.jitter = jitter;
    return made;
}

Schedule cron(std::string_view expression) {
    return CronSchedule::parse(expression, TimeZone()).value();
}

TEST(Jitter, ADelayEndsBeforeTheNextInstant) {
    const auto longest = [](const Task& made, Duration step) {
        Duration most = Duration::zero();
        for (int i = 0; i < 500; ++i) {
            most = std::max(most, start_delay(made, midnight + i * step));
        }
        return most;
    };
    const Duration timer = longest(with(Timer{10s}, 1h), 10s);
    EXPECT_LT(timer, 10s);
    EXPECT_GT(timer, 9s);
    const Duration every_five = longest(with(cron("*/5 * * * *"), 1h), 5min);
    EXPECT_LT(every_five, 5min);
    EXPECT_GT(every_five, 4min);
    const Duration uneven = longest(with(cron("0,5 0 * * *"), 1h), 24h);
    EXPECT_LT(uneven, 5min) << "it is the gap to the next that counts, not the mean one";
}

TEST(Jitter, NothingElseIsDelayed) {
    EXPECT_EQ(start_delay(with(Once{}, 1h), midnight), 0s) << "a once-task";
    EXPECT_EQ(start_delay(with(Timer{1h}, 0s), midnight), 0s) << "without jitter";
}

}  // namespace
}  // namespace bansuri
