// SPDX-License-Identifier: MIT
//
// When tasks start: once, by timer, by cron.
#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

using DueTest = SimulatedWorld;

TEST_F(DueTest, GivenAOnceTask_WhenADayPasses_ThenItRanOnceAndStaysInSuccess) {
    start(task("setup").takes(3s));
    clock.advance(24h);
    EXPECT_EQ(run_count("setup"), 1u);
    EXPECT_EQ(state("setup"), TaskState::success);
    EXPECT_THAT(states("setup"), ElementsAre(TaskState::running, TaskState::success));
}

TEST_F(DueTest, GivenATimer_ThenItStartsAtOnceAndThenOnItsGrid) {
    start(task("poll").every(10s).takes(1s));
    clock.advance(25s);
    EXPECT_THAT(starts("poll"), ElementsAre("2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z",
                                            "2026-01-01T00:00:20Z"));
    EXPECT_EQ(state("poll"), TaskState::pending);
}

TEST_F(DueTest, GivenATimerWhoseTaskTakesTime_WhenADayPasses_ThenItHasNotDrifted) {
    start(task("poll").every(1s).takes(700ms));
    clock.advance(24h);
    EXPECT_EQ(run_count("poll"), 24u * 3600 + 1);
    EXPECT_EQ(starts("poll").back(), "2026-01-02T00:00:00Z");
}

TEST_F(DueTest,
       GivenATimer_WhenTheMachineSleepsForManyIntervals_ThenOneRunFollowsAndTheRestIsRecorded) {
    start(task("poll").every(1min));
    clock.advance(1min);
    clock.sleep_machine(10min + 30s);
    EXPECT_EQ(run_count("poll"), 3u);
    ASSERT_EQ(store.skips("poll").size(), 1u);
    EXPECT_EQ(store.skips("poll")[0].count, 9u);
    clock.advance(30s);  // back on the grid
    EXPECT_EQ(starts("poll").back(), "2026-01-01T00:12:00Z");
}

TEST_F(DueTest, GivenACronTask_ThenItDoesNotStartBeforeItsInstant) {
    start(task("backup").cron("0 2 * * *").takes(10min));
    EXPECT_EQ(state("backup"), TaskState::pending);
    clock.advance(2h - 1us);
    EXPECT_THAT(starts("backup"), IsEmpty());
    clock.advance(1us);
    EXPECT_THAT(starts("backup"), ElementsAre("2026-01-01T02:00:00Z"));
    EXPECT_EQ(state("backup"), TaskState::running);
    clock.advance(10min);
    EXPECT_EQ(state("backup"), TaskState::pending);
}

TEST_F(DueTest, GivenADisabledTask_ThenItIsKnownAndNeverStarts) {
    start(task("off").every(1s).disabled());
    clock.advance(1h);
    EXPECT_EQ(run_count("off"), 0u);
    EXPECT_EQ(state("off"), TaskState::stopped);
}

TEST_F(DueTest, GivenTasksDueTogether_ThenTheyStartInTheOrderOfTheFile) {
    std::vector<TaskBuilder> tasks;
    for (int i = 0; i < 50; ++i) tasks.push_back(task("t" + std::to_string(i)).cron("0 1 * * *"));
    configure(tasks);
    clock.advance(1h);
    ASSERT_EQ(launcher.started().size(), 50u);
    for (int i = 0; i < 50; ++i) {
        EXPECT_EQ(launcher.started()[static_cast<std::size_t>(i)].task, "t" + std::to_string(i));
    }
}

TEST_F(DueTest, GivenMaxRuns_ThenTheTaskIsDoneAfterThatManySuccesses) {
    start(task("probe").every(1min).max_runs(2).goes_on().fails().then());
    clock.advance(1h);
    EXPECT_THAT(outcomes("probe"),
                ElementsAre(Outcome::failed, Outcome::success, Outcome::success));
    EXPECT_EQ(state("probe"), TaskState::success);
}

TEST_F(DueTest, EveryAttemptIsToldItsTaskRunAttemptAndInstant) {
    start(task("backup").cron("0 2 * * *").retries(2).fails());
    clock.advance(3h);
    ASSERT_EQ(launcher.specs().size(), 2u);
    EXPECT_THAT(launcher.specs()[1].environment,
                ::testing::IsSupersetOf({"PATH=/usr/bin", "BANSURI_TASK=backup", "BANSURI_RUN_ID=1",
                                         "BANSURI_ATTEMPT=2",
                                         "BANSURI_SCHEDULED_AT=2026-01-01T02:00:00Z"}));
}

TEST_F(DueTest, OutputIsLedByTheTasksName) {
    start(task("hello").says("one\ntwo"));
    clock.advance(1s);
    EXPECT_EQ(forwarder.text, "hello | one\nhello | two\n");
}

}  // namespace
}  // namespace bansuri::testing
