// SPDX-License-Identifier: MIT
//
// The end: nothing new starts, everything ends, in bounded time.
#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

using ShutdownTest = SimulatedWorld;

TEST_F(ShutdownTest, WhenNothingRuns_ThenItIsOverAtOnce) {
    start(task("backup").cron("0 2 * * *"));
    begin_shutdown();
    EXPECT_TRUE(is_shut_down);
}

TEST_F(ShutdownTest, GivenRunningTasks_ThenEachGetsTermAndEndsAsStopped) {
    start(task("service").takes(24h), task("poll").every(1s).takes(500ms));
    clock.advance(10s + 200ms);
    begin_shutdown();
    EXPECT_TRUE(is_shut_down);
    EXPECT_THAT(outcomes("service"), ElementsAre(Outcome::stopped));
    EXPECT_EQ(state("service"), TaskState::stopped);
    EXPECT_EQ(launcher.kills(), 0);
}

TEST_F(ShutdownTest, GivenATaskThatIgnoresTerm_ThenItIsKilledAfterItsStopTimeout) {
    start(task("stubborn").takes(24h).ignores_term().stop_timeout(10s));
    clock.advance(1s);
    begin_shutdown();
    clock.advance(9s);
    EXPECT_FALSE(is_shut_down);
    clock.advance(1s);
    EXPECT_TRUE(is_shut_down);
    EXPECT_EQ(launcher.kills(), 1);
}

TEST_F(ShutdownTest, WhenItIsAskedForTwice_ThenWhatStillRunsIsKilledAtOnce) {
    start(task("stubborn").takes(24h).ignores_term().stop_timeout(10min));
    clock.advance(1s);
    begin_shutdown();
    EXPECT_FALSE(is_shut_down);
    engine->kill_all();
    clock.settle();
    EXPECT_TRUE(is_shut_down);
}

TEST_F(ShutdownTest, NothingStartsAnyMore_NeitherDueNorQueuedNorRetried) {
    start(task("poll").every(1s).takes(900ms),
          task("slow").every(1min).overlap(Overlap::queue).takes(1h),
          task("fetch").retries(0).restart_delay(5s).fails(),
          task("stubborn").takes(24h).ignores_term().stop_timeout(1min));
    clock.advance(2min);
    begin_shutdown();
    const std::size_t before = launcher.started().size();
    clock.advance(1h);
    EXPECT_EQ(launcher.started().size(), before);
    EXPECT_TRUE(is_shut_down);
    EXPECT_EQ(store.skips("slow").back().reason, "shutdown");
}

TEST_F(ShutdownTest, GivenAProcessThatCannotBeKilled_ThenItEndsWithoutItAndTheRecordStaysOpen) {
    start(task("stuck").takes(24h).immortal().stop_timeout(1min), task("other").takes(24h));
    clock.advance(1s);
    begin_shutdown();
    clock.advance(1min + 9s);
    EXPECT_FALSE(is_shut_down);
    clock.advance(1s);
    EXPECT_TRUE(is_shut_down);
    EXPECT_EQ(engine->runs_alive(), 1u);
    EXPECT_FALSE(runs("stuck").at(0).result);
    EXPECT_THAT(outcomes("other"), ElementsAre(Outcome::stopped));
    kill_bansuri();
    start_bansuri();
    EXPECT_EQ(state("stuck"), TaskState::running) << "it lives, so it is adopted";
    EXPECT_EQ(run_count("stuck"), 1u);
    clock.advance(24h);
}

TEST_F(ShutdownTest, GivenAProcessThatCannotBeKilled_WhenAskedAgain_ThenItEndsSoon) {
    start(task("stuck").takes(24h).immortal().stop_timeout(1h));
    clock.advance(1s);
    begin_shutdown();
    engine->kill_all();
    clock.advance(10s);
    EXPECT_TRUE(is_shut_down);
    kill_bansuri();
    start_bansuri();
    clock.advance(24h);
}

TEST_F(ShutdownTest, AReloadDuringAShutdownChangesNothing) {
    start(task("stubborn").takes(24h).ignores_term().stop_timeout(1min));
    clock.advance(1s);
    begin_shutdown();
    configure({task("late")});
    clock.advance(1h);
    EXPECT_EQ(run_count("late"), 0u);
}

}  // namespace
}  // namespace bansuri::testing
