// SPDX-License-Identifier: MIT
//
// A daemon that goes on where another one was killed, and a Bansuri that finds what an earlier one
// left.
#include <gmock/gmock.h>

#include <csignal>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

using TakeOverTest = SimulatedWorld;

TEST_F(TakeOverTest, GivenARunningTask_WhenTheDaemonIsKilled_ThenTheNextOneSeesItsEnd) {
    start(task("backup").takes(1h).ends(ExitStatus::exited(41)).says("done\n"));
    clock.advance(10min);
    kill_daemon();
    clock.advance(5min);
    restart_daemon();
    EXPECT_EQ(state("backup"), TaskState::running);
    clock.advance(1h);
    EXPECT_EQ(run_count("backup"), 1u);
    ASSERT_THAT(outcomes("backup"), ElementsAre(Outcome::failed));
    EXPECT_EQ(runs("backup")[0].result->status, ExitStatus::exited(41));
    EXPECT_EQ(runs("backup")[0].result->elapsed, 1h);
    EXPECT_EQ(forwarder.text, "backup | done\n");
    EXPECT_EQ(launcher.held_count(), 0u);
    EXPECT_EQ(launcher.kills(), 0);
}

TEST_F(TakeOverTest, GivenATaskThatEndsWhileNoDaemonIsThere_ThenItsStatusAndOutputAreNotLost) {
    start(task("fetch").takes(1min).ends(ExitStatus::signalled(SIGSEGV)).says("last words\n"));
    kill_daemon();
    clock.advance(10min);
    restart_daemon();
    ASSERT_THAT(outcomes("fetch"), ElementsAre(Outcome::failed));
    EXPECT_EQ(runs("fetch")[0].result->status, ExitStatus::signalled(SIGSEGV));
    EXPECT_EQ(forwarder.text, "fetch | last words\n");
}

TEST_F(TakeOverTest, GivenADaemonThatDiesBeforeItHasAdopted_ThenTheNextOneAdopts) {
    start(task("long").takes(1h));
    clock.advance(10min);
    kill_bansuri();
    begin_session();
    restart_daemon();
    EXPECT_EQ(state("long"), TaskState::running);
    clock.advance(1h);
    EXPECT_EQ(run_count("long"), 1u);
    EXPECT_THAT(outcomes("long"), ElementsAre(Outcome::success));
}

TEST_F(TakeOverTest, GivenAClaimOfTheSessionBefore_WhenADaemonDiesAtOnce_ThenItIsNotStarted) {
    start(task("long").takes(1h));
    kill_bansuri();
    begin_session();
    tamper = [](engine::Recovery& left) { left.runs.at(0).last.reset(); };
    restart_daemon();
    EXPECT_EQ(run_count("long"), 1u);
    EXPECT_THAT(outcomes("long"), ElementsAre(Outcome::lost));
    clock.advance(2h);
}

TEST_F(TakeOverTest, GivenAStoreThatLostTheRecordsOfSomeAttempts_ThenTheOneThatLivesGoesOn) {
    start(task("flaky")
              .retries(0)
              .restart_delay(1s)
              .fails()
              .then()
              .fails()
              .then()
              .fails()
              .then()
              .takes(1h));
    clock.advance(1min);
    ASSERT_EQ(launcher.running("flaky"), 1);
    ASSERT_EQ(run_count("flaky"), 4u);
    kill_daemon();
    tamper = [](engine::Recovery& left) {
        engine::AttemptEnd end;
        end.result.outcome = Outcome::failed;
        end.retry_at = MonoTime{};
        left.runs.at(0).last = {1, engine::AttemptStart{}, end};
    };
    restart_daemon();
    EXPECT_EQ(run_count("flaky"), 4u) << "nothing is started beside it";
    EXPECT_EQ(launcher.running("flaky"), 1);
    clock.advance(1h);
    EXPECT_THAT(outcomes("flaky"), ElementsAre(Outcome::success));
    EXPECT_EQ(launcher.held_count(), 0u);
}

TEST_F(TakeOverTest, GivenATimeLimit_WhenTheDaemonIsKilled_ThenItCountsFromTheStart) {
    start(task("slow").time_limit(10min).takes(5h));
    clock.advance(3min);
    kill_daemon();
    clock.advance(3min);
    restart_daemon();
    clock.advance(4min - 1s);
    EXPECT_EQ(launcher.running("slow"), 1);
    clock.advance(1s);
    EXPECT_EQ(launcher.running("slow"), 0);
    EXPECT_THAT(outcomes("slow"), ElementsAre(Outcome::timeout));
}

TEST_F(TakeOverTest, GivenATimeLimitThatExpiresWhileNoDaemonIsThere_ThenTheNextOneEnforcesIt) {
    start(task("slow").time_limit(10min).takes(5h));
    kill_daemon();
    clock.advance(15min);
    EXPECT_EQ(launcher.running("slow"), 1);
    restart_daemon();
    EXPECT_EQ(launcher.running("slow"), 0);
    EXPECT_THAT(outcomes("slow"), ElementsAre(Outcome::timeout));
}

TEST_F(TakeOverTest, GivenATaskThatWasBeingEnded_ThenTheNextDaemonKnowsWhy) {
    start(task("slow").time_limit(10min, 1min).takes(5h).ignores_term());
    clock.advance(10min + 1s);
    kill_daemon();
    clock.advance(5min);
    restart_daemon();
    EXPECT_THAT(outcomes("slow"), ElementsAre(Outcome::timeout));
}

TEST_F(TakeOverTest, GivenRetries_WhenTheDaemonIsKilledBetweenThem_ThenCountAndPauseGoOn) {
    start(task("flaky").retries(3).restart_delay(10min).fails());
    clock.advance(4min);
    kill_daemon();
    clock.advance(1min);
    restart_daemon();
    EXPECT_EQ(state("flaky"), TaskState::restarting);
    clock.advance(5min - 1s);
    EXPECT_EQ(run_count("flaky"), 1u);
    clock.advance(1s);
    EXPECT_EQ(run_count("flaky"), 2u);
    clock.advance(1h);
    EXPECT_EQ(run_count("flaky"), 3u);
    ASSERT_THAT(runs("flaky"), SizeIs(1));
    EXPECT_THAT(runs("flaky")[0].attempts, SizeIs(3));
    EXPECT_EQ(state("flaky"), TaskState::stopped);
}

TEST_F(TakeOverTest, GivenATaskThatStoppedAfterAFailure_ThenItStaysStopped) {
    start(task("once-bad").cron("0 * * * *").fails());
    clock.advance(1h + 1min);
    ASSERT_EQ(state("once-bad"), TaskState::stopped);
    kill_daemon();
    restart_daemon();
    clock.advance(24h);
    EXPECT_EQ(state("once-bad"), TaskState::stopped);
    EXPECT_EQ(run_count("once-bad"), 1u);
    kill_bansuri();
    start_bansuri();
    clock.advance(1h);
    EXPECT_EQ(run_count("once-bad"), 2u) << "a new start of Bansuri begins afresh";
}

TEST_F(TakeOverTest, GivenMaxRuns_ThenSuccessesAreCountedAcrossDaemons) {
    start(task("thrice").every(1min).max_runs(3));
    clock.advance(90s);
    kill_daemon();
    restart_daemon();
    clock.advance(1h);
    EXPECT_EQ(run_count("thrice"), 3u);
    EXPECT_EQ(state("thrice"), TaskState::success);
}

TEST_F(TakeOverTest, GivenAOnceTask_ThenItDoesNotRunAgain) {
    start(task("setup"), task("failed").fails().goes_on());
    clock.advance(1min);
    kill_daemon();
    restart_daemon();
    clock.advance(1h);
    EXPECT_EQ(run_count("setup"), 1u);
    EXPECT_EQ(run_count("failed"), 1u);
    EXPECT_EQ(state("setup"), TaskState::success);
    kill_bansuri();
    start_bansuri();
    EXPECT_EQ(run_count("setup"), 2u) << "once is once in a life of Bansuri";
}

TEST_F(TakeOverTest, GivenATimer_ThenItKeepsItsGrid) {
    start(task("tick").every(10min));
    clock.advance(14min);
    kill_daemon();
    clock.advance(1min);
    restart_daemon();
    clock.advance(30min);
    EXPECT_THAT(starts("tick"),
                ElementsAre("2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z",
                            "2026-01-01T00:30:00Z", "2026-01-01T00:40:00Z"));
    EXPECT_THAT(store.skips("tick"), IsEmpty());
}

TEST_F(TakeOverTest, GivenATimer_WhenNoDaemonIsThereForSeveralTicks_ThenOneRunFollows) {
    start(task("tick").every(10min));
    kill_daemon();
    clock.advance(45min);
    restart_daemon();
    EXPECT_THAT(starts("tick"), ElementsAre("2026-01-01T00:00:00Z", "2026-01-01T00:45:00Z"));
    ASSERT_THAT(store.skips("tick"), SizeIs(1));
    EXPECT_EQ(store.skips("tick")[0].count, 3u);
    clock.advance(10min);
    EXPECT_EQ(starts("tick").back(), "2026-01-01T00:50:00Z");
}

TEST_F(TakeOverTest, GivenACronInstantDuringAShortAbsence_ThenItRunsAndOnlyOnce) {
    start(task("nightly").cron("0 1 * * *"));
    clock.advance(1h - 1s);
    kill_daemon();
    clock.advance(2s);
    restart_daemon();
    EXPECT_EQ(run_count("nightly"), 1u);
    EXPECT_EQ(format_utc(runs("nightly")[0].due.instant), "2026-01-01T01:00:00Z");
    kill_daemon();
    restart_daemon();
    clock.advance(1h);
    EXPECT_EQ(run_count("nightly"), 1u);
}

TEST_F(TakeOverTest, GivenInstantsThatWait_ThenTheyStillWaitUnderTheNextDaemon) {
    start(task("slow").cron("*/1 * * * *").overlap(Overlap::queue).takes(150s).then().takes(1s));
    clock.advance(3min + 10s);
    EXPECT_EQ(run_count("slow"), 1u);
    kill_daemon();
    restart_daemon();
    clock.advance(1min);
    EXPECT_THAT(runs("slow"), SizeIs(4));
    EXPECT_EQ(format_utc(runs("slow")[1].due.instant), "2026-01-01T00:02:00Z");
    EXPECT_EQ(format_utc(runs("slow")[2].due.instant), "2026-01-01T00:03:00Z");
    EXPECT_THAT(store.skips("slow"), IsEmpty());
}

TEST_F(TakeOverTest, GivenATaskThatWasRemovedMeanwhile_ThenWhatRunsOfItIsEnded) {
    start(task("stays").takes(5h), task("goes").takes(5h));
    kill_daemon();
    forget_configured("goes");
    restart_daemon();
    EXPECT_EQ(launcher.running("goes"), 0);
    EXPECT_EQ(launcher.running("stays"), 1);
    EXPECT_THAT(outcomes("goes"), ElementsAre(Outcome::stopped));
}

TEST_F(TakeOverTest, GivenAStoreThatWasLost_ThenWhatRunsIsKnownFromTheKeeper) {
    start(task("backup").takes(1h), task("setup"));
    clock.advance(10min);
    kill_daemon();
    lose_store();
    restart_daemon();
    EXPECT_EQ(state("backup"), TaskState::running);
    clock.advance(1h);
    EXPECT_EQ(run_count("backup"), 1u);
    EXPECT_THAT(outcomes("backup"), ElementsAre(Outcome::success));
    EXPECT_EQ(runs("backup")[0].result->elapsed, 1h);
    EXPECT_EQ(run_count("setup"), 1u) << "nothing tells that it has not run";
}

TEST_F(TakeOverTest, GivenBothKilled_ThenWhatLivesIsAdoptedAndWhatEndedIsLost) {
    start(task("long").takes(2h).goes_on(), task("short").takes(10min).goes_on());
    clock.advance(1min);
    kill_bansuri();
    clock.advance(30min);
    start_bansuri();
    EXPECT_THAT(outcomes("short"), ElementsAre(Outcome::lost));
    EXPECT_EQ(launcher.running("long"), 1);
    clock.advance(2h);
    ASSERT_FALSE(runs("long").empty());
    EXPECT_EQ(runs("long")[0].result->outcome, Outcome::success);
    EXPECT_EQ(runs("long")[0].result->elapsed, 2h);
}

TEST_F(TakeOverTest, GivenALostOnceTask_ThenTheNewStartIsAnInstantOfItsOwn) {
    start(task("service").takes(10min).goes_on());
    kill_bansuri();
    clock.advance(1h);
    start_bansuri();
    EXPECT_EQ(launcher.running("service"), 1);
    ASSERT_THAT(runs("service"), SizeIs(2));
    EXPECT_EQ(runs("service")[0].result->outcome, Outcome::lost);
}

TEST_F(TakeOverTest, GivenAnotherBoot_ThenNothingIsAdopted) {
    start(task("long").cron("0 0 1 1 *").takes(2h));
    clock.advance_to(utc("2027-01-01T00:10:00"));
    ASSERT_EQ(launcher.running("long"), 1);
    kill_bansuri();
    start_bansuri(true);
    ASSERT_THAT(outcomes("long"), ElementsAre(Outcome::lost));
    EXPECT_THAT(runs("long")[0].result->reason, HasSubstr("the machine was restarted"));
    EXPECT_NE(state("long"), TaskState::stopped) << "what ended it was not the task";
}

TEST_F(TakeOverTest, GivenOnLostRestart_ThenALostRunIsAttemptedAgain) {
    start(task("import").cron("0 1 * * *").on_lost(OnLost::restart).takes(10min));
    clock.advance(1h + 1min);
    kill_bansuri();
    clock.advance(1h);
    start_bansuri();
    clock.advance(1h);
    ASSERT_THAT(runs("import"), SizeIs(1));
    EXPECT_THAT(runs("import")[0].attempts, SizeIs(2));
    EXPECT_EQ(runs("import")[0].attempts[0].end->result.outcome, Outcome::lost);
    EXPECT_EQ(runs("import")[0].result->outcome, Outcome::success);
}

TEST_F(TakeOverTest, GivenKillsAtEveryMinuteOfADay_ThenNoInstantIsLostOrDoubled) {
    start(task("cron").cron("*/7 * * * *").takes(90s), task("timer").every(11min).takes(30s),
          task("queue").cron("*/5 * * * *").overlap(Overlap::queue).takes(4min));
    for (int minute = 0; minute < 24 * 60; ++minute) {
        clock.advance(59s);
        kill_daemon();
        clock.advance(1s);
        restart_daemon();
    }
    EXPECT_EQ(runs("cron").size(), 24u * 9u);  // minutes 0, 7 ... 56 of each hour, but the first 0
    EXPECT_EQ(runs("timer").size(), 24u * 60u / 11u + 1u);
    EXPECT_EQ(runs("queue").size(), 24u * 12u);
    for (const char* name : {"cron", "timer", "queue"}) {
        EXPECT_THAT(store.skips(name), IsEmpty()) << name;
        EXPECT_EQ(launcher.most_at_once(name), 1) << name;
        EXPECT_EQ(run_count(name), runs(name).size()) << name;
    }
    EXPECT_EQ(launcher.kills(), 0);
}

}  // namespace
}  // namespace bansuri::testing
