// SPDX-License-Identifier: MIT
//
// What a failure leads to: stop, continue, retries with their pauses, time limits.
#include <gmock/gmock.h>

#include <csignal>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

using FailureTest = SimulatedWorld;

TEST_F(FailureTest, GivenOnFailStop_WhenAScheduledTaskFails_ThenItsScheduleIsOver) {
    start(task("backup").cron("0 * * * *").fails());
    clock.advance(24h);
    EXPECT_EQ(run_count("backup"), 1u);
    EXPECT_THAT(states("backup"),
                ElementsAre(TaskState::running, TaskState::failed, TaskState::stopped));
}

TEST_F(FailureTest, GivenOnFailContinue_WhenItFails_ThenTheNextInstantRuns) {
    start(task("backup").cron("0 * * * *").goes_on().fails());
    clock.advance(3h);
    EXPECT_EQ(run_count("backup"), 3u);
    EXPECT_EQ(state("backup"), TaskState::pending);
}

TEST_F(FailureTest, GivenOnFailContinue_WhenAOnceTaskFails_ThenItStaysInFailed) {
    start(task("setup").goes_on().fails());
    clock.advance(1h);
    EXPECT_EQ(state("setup"), TaskState::failed);
}

TEST_F(FailureTest, GivenRetries_ThenTheFirstComesAtOnceAndThePausesDouble) {
    start(task("fetch").retries(5).fails());
    clock.advance(1h);
    EXPECT_THAT(starts("fetch"),
                ElementsAre("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z",
                            "2026-01-01T00:00:03Z", "2026-01-01T00:00:07Z"));
    EXPECT_EQ(state("fetch"), TaskState::stopped);
    ASSERT_EQ(runs("fetch").size(), 1u);
    EXPECT_EQ(runs("fetch")[0].attempts.size(), 5u);
}

TEST_F(FailureTest, GivenNoLimitOfAttempts_ThenThePausesNeverGrowBeyondAMinute) {
    start(task("service").retries(0).fails());
    clock.advance(24h);
    // 0, 0, 1, 3, 7, 15, 31, 63 seconds, then one each minute.
    EXPECT_EQ(run_count("service"), 8u + (24 * 3600 - 63) / 60);
}

TEST_F(FailureTest, GivenARestartDelay_ThenEveryRetryWaitsThatLong) {
    start(task("fetch").retries(3).restart_delay(10s).fails());
    clock.advance(1h);
    EXPECT_THAT(starts("fetch"), ElementsAre("2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z",
                                             "2026-01-01T00:00:20Z"));
}

TEST_F(FailureTest, GivenABackoff_ThenTheDelayGrowsByItsFactorUpToItsMax) {
    start(task("fetch").retries(5).restart_delay(10s).backoff({3.0, 60s, 0.0}).fails());
    clock.advance(1h);
    EXPECT_THAT(starts("fetch"),
                ElementsAre("2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z", "2026-01-01T00:00:40Z",
                            "2026-01-01T00:01:40Z", "2026-01-01T00:02:40Z"));
}

TEST_F(FailureTest, GivenADelayOfZero_WhenItFailsAtOnceForEver_ThenItDoesNotSpin) {
    start(task("loop").retries(0).restart_delay(0s).fails());
    clock.advance(1min);
    EXPECT_LE(run_count("loop"), 602u);
}

TEST_F(FailureTest, GivenARetryThatSucceeds_ThenTheRunIsASuccess) {
    start(task("fetch").every(1h).retries(3).fails().then().fails().then());
    clock.advance(10min);
    EXPECT_THAT(states("fetch"),
                ElementsAre(TaskState::running, TaskState::failed, TaskState::restarting,
                            TaskState::running, TaskState::failed, TaskState::restarting,
                            TaskState::running, TaskState::success, TaskState::pending));
    EXPECT_THAT(outcomes("fetch"), ElementsAre(Outcome::success));
}

TEST_F(FailureTest, GivenOnExhaustedContinue_WhenAttemptsEnd_ThenTheNextInstantBeginsAnew) {
    start(task("fetch").every(1h).retries(2).on_exhausted(OnExhausted::go_on).fails());
    clock.advance(2h + 1s);
    EXPECT_EQ(runs("fetch").size(), 3u);
    EXPECT_EQ(run_count("fetch"), 6u);
    EXPECT_EQ(state("fetch"), TaskState::pending);
}

TEST_F(FailureTest, GivenATimeLimit_WhenItIsExceeded_ThenTheTaskIsKilledAndTheOutcomeIsTimeout) {
    start(task("hang").time_limit(30s).takes(1h).ignores_term());
    clock.advance(30s);
    EXPECT_EQ(launcher.running("hang"), 0);
    EXPECT_EQ(launcher.kills(), 1);
    EXPECT_THAT(states("hang"),
                ElementsAre(TaskState::running, TaskState::timeout, TaskState::stopped));
    EXPECT_THAT(outcomes("hang"), ElementsAre(Outcome::timeout));
}

TEST_F(FailureTest, GivenAKillGrace_ThenTermComesFirstAndKillAfterIt) {
    start(task("polite").time_limit(30s, 5s).takes(1h),
          task("stubborn").time_limit(30s, 5s).takes(1h).ignores_term());
    clock.advance(30s);
    EXPECT_EQ(launcher.running("polite"), 0);
    EXPECT_EQ(runs("polite")[0].attempts[0].end->result.status, ExitStatus::signalled(SIGTERM));
    EXPECT_EQ(launcher.running("stubborn"), 1);
    clock.advance(5s);
    EXPECT_EQ(runs("stubborn")[0].attempts[0].end->result.status, ExitStatus::signalled(SIGKILL));
    EXPECT_EQ(runs("stubborn")[0].result->outcome, Outcome::timeout);
}

TEST_F(FailureTest, GivenATaskThatEndsInTime_ThenItsLimitDoesNotMatter) {
    start(task("quick").time_limit(30s).takes(29s));
    clock.advance(1h);
    EXPECT_EQ(launcher.kills(), 0);
    EXPECT_EQ(state("quick"), TaskState::success);
}

TEST_F(FailureTest, GivenATimeLimitAndRetries_ThenEachAttemptHasTheWholeLimit) {
    start(task("hang").time_limit(30s).retries(2).restart_delay(0s).takes(1h).then().takes(20s));
    clock.advance(1h);
    EXPECT_THAT(outcomes("hang"), ElementsAre(Outcome::success));
    EXPECT_EQ(run_count("hang"), 2u);
}

TEST_F(FailureTest, GivenSuccessCodes_ThenTheyCountAsSuccessAndSignalsNeverDo) {
    start(task("grep").success_code(1).fails(), task("grep2").success_code(2).fails(),
          task("killed").success_code(9).ends(ExitStatus::signalled(SIGKILL)));
    clock.advance(1s);
    EXPECT_EQ(state("grep"), TaskState::success);
    EXPECT_EQ(state("grep2"), TaskState::stopped);
    EXPECT_EQ(state("killed"), TaskState::stopped);
}

TEST_F(FailureTest, GivenACommandThatCannotStart_ThenTheRunFailsWithTheReasonAndIsRetried) {
    start(task("broken").retries(2).cannot_start("chdir \"/nowhere\": No such file or directory"));
    clock.advance(1min);
    ASSERT_EQ(runs("broken").size(), 1u);
    EXPECT_EQ(runs("broken")[0].attempts.size(), 2u);
    EXPECT_THAT(runs("broken")[0].result->reason, ::testing::HasSubstr("/nowhere"));
    EXPECT_EQ(state("broken"), TaskState::stopped);
}

TEST_F(FailureTest, GivenALostKeeper_ThenTheRecordStaysOpenForTheNextBansuri) {
    start(task("backup").takes(1h));
    launcher.lose_keeper_under_daemon();
    clock.advance(2h);
    EXPECT_THAT(outcomes("backup"), ::testing::IsEmpty());
    kill_bansuri();
    start_bansuri();
    EXPECT_THAT(outcomes("backup"), ElementsAre(Outcome::lost));
}

}  // namespace
}  // namespace bansuri::testing
