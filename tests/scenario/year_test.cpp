// SPDX-License-Identifier: MIT
//
// A year of many tasks, in less than a second of ours.
#include <chrono>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;

using YearTest = SimulatedWorld;

TEST_F(YearTest, GivenANightlyTask_WhenAYearPasses_ThenItRan365Times) {
    start(task("backup").cron("0 2 * * *").takes(10min));
    clock.advance(24h * 365);
    EXPECT_EQ(store.runs("backup").size(), 365u);
}

TEST_F(YearTest, GivenManyTasksInManyZones_WhenAYearPasses_ThenEveryInstantHadItsRun) {
    const char* const zones[] = {"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                 "Africa/Cairo"};
    std::vector<TaskBuilder> tasks;
    for (int i = 0; i < 100; ++i) {
        tasks.push_back(task("t" + std::to_string(i))
                            .cron(std::to_string(i % 60) + " " + std::to_string(i % 24) + " * * *",
                                  zones[i % 5])
                            .takes(std::chrono::minutes(i)));
    }
    tasks.push_back(task("weekly").cron("0 6 * * MON").takes(1h));
    tasks.push_back(task("monthly").cron("0 6 L * *").takes(1h));
    configure(tasks);
    clock.advance(24h * 365);
    for (int i = 0; i < 100; ++i) EXPECT_EQ(run_count("t" + std::to_string(i)), 365u) << i;
    EXPECT_EQ(run_count("weekly"), 52u);
    EXPECT_EQ(run_count("monthly"), 12u);
}

}  // namespace
}  // namespace bansuri::testing
