// SPDX-License-Identifier: MIT
//
// A new generation of the configuration over a running one.
#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ReloadTest : public SimulatedWorld {
  protected:
    engine::ConfigurationApplied last_applied() const {
        engine::ConfigurationApplied last{};
        for (const engine::Event& event : heard) {
            if (const auto* applied = std::get_if<engine::ConfigurationApplied>(&event))
                last = *applied;
        }
        return last;
    }
};

TEST_F(ReloadTest, GivenTheSameConfiguration_ThenNothingIsTouched) {
    start(task("service").takes(24h), task("poll").every(10s));
    clock.advance(15s);
    configure({task("service").takes(24h), task("poll").every(10s)});
    EXPECT_EQ(last_applied().changed + last_applied().added + last_applied().removed, 0u);
    clock.advance(5s);
    EXPECT_EQ(run_count("service"), 1u);
    EXPECT_EQ(starts("poll").back(), "2026-01-01T00:00:20Z");  // its grid went on
}

TEST_F(ReloadTest, GivenAnAddedTask_ThenItStarts) {
    start(task("a"));
    clock.advance(1h);
    configure({task("a"), task("b"), task("c").every(1min)});
    EXPECT_EQ(run_count("a"), 1u);
    EXPECT_EQ(run_count("b"), 1u);
    EXPECT_THAT(starts("c"), ElementsAre("2026-01-01T01:00:00Z"));
}

TEST_F(ReloadTest, GivenARemovedTask_ThenItsRunIsStoppedAndItIsForgotten) {
    start(task("service").takes(24h), task("other").takes(24h));
    clock.advance(1s);
    configure({task("other").takes(24h)});
    clock.advance(1s);
    EXPECT_EQ(launcher.running("service"), 0);
    EXPECT_THAT(outcomes("service"), ElementsAre(Outcome::stopped));
    EXPECT_EQ(state("service"), std::nullopt);
    EXPECT_EQ(launcher.running("other"), 1);
}

TEST_F(ReloadTest, GivenAChangedCommand_ThenTheTaskStartsAnewOnceItsOldRunHasEnded) {
    start(task("service").takes(24h).ignores_term().stop_timeout(5s));
    clock.advance(1s);
    configure({task("service").command("new").takes(24h)});
    EXPECT_EQ(launcher.specs().size(), 1u);
    clock.advance(5s);
    ASSERT_EQ(launcher.specs().size(), 2u);
    EXPECT_EQ(launcher.specs()[1].argv.back(), "new");
    EXPECT_EQ(launcher.most_at_once("service"), 1);
}

TEST_F(ReloadTest, GivenAChangedSchedule_ThenTheRunningProcessIsNotTouched) {
    start(task("slow").cron("0 1 * * *").takes(2h));
    clock.advance(90min);
    configure({task("slow").cron("0 2 * * *").overlap(Overlap::allow).takes(2h)});
    EXPECT_EQ(launcher.running("slow"), 1);
    clock.advance(30min);
    EXPECT_THAT(starts("slow"), ElementsAre("2026-01-01T01:00:00Z", "2026-01-01T02:00:00Z"));
    clock.advance(1h);
    EXPECT_THAT(outcomes("slow"), ElementsAre(Outcome::success));
}

TEST_F(ReloadTest, GivenAChangedInterval_ThenTheTimerKeepsItsGridAndDoesNotFireAtOnce) {
    start(task("poll").every(10s));
    clock.advance(12s);
    configure({task("poll").every(4s)});
    clock.advance(5s);
    EXPECT_THAT(starts("poll"), ElementsAre("2026-01-01T00:00:00Z", "2026-01-01T00:00:10Z",
                                            "2026-01-01T00:00:16Z"));
}

TEST_F(ReloadTest, GivenATaskStoppedByAFailure_WhenItsDefinitionChanges_ThenItIsScheduledAgain) {
    start(task("backup").cron("0 * * * *").fails());
    clock.advance(90min);
    EXPECT_EQ(state("backup"), TaskState::stopped);
    configure({task("backup").cron("0 * * * *").describe("mended")});
    EXPECT_EQ(state("backup"), TaskState::pending);
    clock.advance(1h);
    EXPECT_EQ(run_count("backup"), 2u);
}

TEST_F(ReloadTest, GivenAnUnchangedTaskStoppedByAFailure_ThenItStaysStopped) {
    start(task("backup").cron("0 * * * *").fails());
    clock.advance(90min);
    configure({task("backup").cron("0 * * * *"), task("other")});
    clock.advance(3h);
    EXPECT_EQ(state("backup"), TaskState::stopped);
    EXPECT_EQ(run_count("backup"), 1u);
}

TEST_F(ReloadTest, GivenAOnceTaskThatSucceeded_WhenItsTextChanges_ThenItDoesNotRunAgain) {
    start(task("setup"));
    clock.advance(1min);
    configure({task("setup").describe("sets up")});
    clock.advance(1min);
    EXPECT_EQ(run_count("setup"), 1u);
    EXPECT_EQ(state("setup"), TaskState::success);
}

TEST_F(ReloadTest, GivenAOnceTaskThatSucceeded_WhenItsCommandChanges_ThenItRunsAgain) {
    start(task("setup"));
    clock.advance(1min);
    configure({task("setup").command("new")});
    clock.advance(1min);
    EXPECT_EQ(run_count("setup"), 2u);
}

TEST_F(ReloadTest, GivenATaskThatIsRemovedAndAddedBackWhileItStops_ThenThereIsNeverMoreThanOne) {
    start(task("service").takes(24h).ignores_term().stop_timeout(5s));
    clock.advance(1s);
    configure({});
    clock.advance(1s);
    configure({task("service").takes(24h)});
    clock.advance(10s);
    EXPECT_EQ(launcher.most_at_once("service"), 1);
    EXPECT_EQ(launcher.running("service"), 1);
    EXPECT_EQ(run_count("service"), 2u);
}

TEST_F(ReloadTest, GivenATaskThatIsDisabled_ThenItsRunEndsInPeaceAndNoOtherStarts) {
    start(task("poll").every(1min).takes(30s));
    clock.advance(10s);
    configure({task("poll").every(1min).takes(30s).disabled()});
    clock.advance(1h);
    EXPECT_EQ(run_count("poll"), 1u);
    EXPECT_THAT(outcomes("poll"), ElementsAre(Outcome::success));
    EXPECT_EQ(state("poll"), TaskState::stopped);
    configure({task("poll").every(1min).takes(30s)});
    clock.advance(10s);
    EXPECT_EQ(run_count("poll"), 2u);
}

TEST_F(ReloadTest, GivenARaisedMaxRuns_ThenADoneTaskGoesOn) {
    start(task("probe").cron("0 * * * *").max_runs(1));
    clock.advance(3h);
    EXPECT_EQ(run_count("probe"), 1u);
    configure({task("probe").cron("0 * * * *").max_runs(2)});
    clock.advance(3h);
    EXPECT_EQ(run_count("probe"), 2u);
}

TEST_F(ReloadTest, GivenAChangedRetryPolicy_ThenARunThatKeepsFailingFollowsIt) {
    start(task("service").retries(0).restart_delay(1s).fails());
    clock.advance(10s);
    const std::size_t before = run_count("service");
    configure({task("service").retries(0).restart_delay(1min).fails()});
    clock.advance(10min);
    EXPECT_LE(run_count("service"), before + 11);
}

TEST_F(ReloadTest, GivenATaskThatIsDisabledBetweenTwoAttempts_ThenNoOtherFollows) {
    start(task("service").retries(0).restart_delay(10s).fails());
    clock.advance(5s);
    const std::size_t before = run_count("service");
    configure({task("service").retries(0).restart_delay(10s).fails().disabled()});
    clock.advance(1h);
    EXPECT_EQ(run_count("service"), before);
    EXPECT_EQ(state("service"), TaskState::stopped);
}

TEST_F(ReloadTest, GivenAnOnFailThatIsChangedWhileItRuns_ThenTheNewOneDecides) {
    start(task("job").every(1h).takes(10min).fails());
    clock.advance(1min);
    configure({task("job").every(1h).takes(10min).fails().goes_on()});
    clock.advance(2h + 30min);
    EXPECT_EQ(state("job"), TaskState::pending);
    EXPECT_EQ(run_count("job"), 3u);
}

TEST_F(ReloadTest, GivenATimeLimitThatIsChangedWhileItRuns_ThenTheOldOneHoldsAndIsTold) {
    start(task("slow").time_limit(10min).takes(5h));
    clock.advance(1min);
    configure({task("slow").time_limit(1min).takes(5h)});
    const engine::TaskStatus status = engine->status({"slow"}).at(0);
    ASSERT_EQ(status.runs.size(), 1u);
    EXPECT_EQ(status.task->time_limit, Duration(1min));
    EXPECT_EQ(status.runs[0].time_limit, Duration(10min));
}

TEST_F(ReloadTest, GivenAnInstantThatIsDueButNotToldYet_WhenOnlyTextChanges_ThenItIsNotLost) {
    start(task("poll").every(10s), task("cron").cron("*/20 * * * * *"));
    clock.advance(19s);
    clock.be_late(1s);
    configure({task("poll").every(10s).describe("new"),
               task("cron").cron("*/20 * * * * *").describe("new")});
    EXPECT_EQ(starts("poll").back(), "2026-01-01T00:00:20Z");
    EXPECT_EQ(starts("cron").back(), "2026-01-01T00:00:20Z");
}

TEST_F(ReloadTest, GivenAnInstantThatIsDueButNotToldYet_WhenTheScheduleChanges_ThenItIsNotLost) {
    start(task("poll").every(10s));
    clock.advance(19s);
    clock.be_late(1s);
    configure({task("poll").every(15s)});
    EXPECT_EQ(starts("poll").back(), "2026-01-01T00:00:20Z");
}

TEST_F(ReloadTest, GivenATimerThatBecomesAOnceTask_ThenItShowsHowItEnded) {
    start(task("poll").every(10s), task("never").cron("0 5 * * *"));
    clock.advance(5s);
    configure({task("poll"), task("never")});
    clock.advance(1min);
    EXPECT_EQ(state("poll"), TaskState::success);
    EXPECT_EQ(run_count("poll"), 1u);
    EXPECT_EQ(run_count("never"), 1u);  // it had not had its one run
}

TEST_F(ReloadTest, GivenAMaxRunsThatIsLowered_ThenTheTaskIsDone) {
    start(task("probe").every(1min));
    clock.advance(5min);
    configure({task("probe").every(1min).max_runs(2)});
    EXPECT_EQ(state("probe"), TaskState::success);
    clock.advance(1h);
    EXPECT_EQ(run_count("probe"), 6u);
}

TEST_F(ReloadTest, GivenAnEmptyConfiguration_ThenEverythingEnds) {
    start(task("a").takes(24h), task("b").every(1s), task("c").cron("* * * * *"));
    clock.advance(10s);
    configure({});
    clock.advance(1h);
    EXPECT_EQ(engine->runs_alive(), 0u);
    EXPECT_THAT(starts("c"), IsEmpty());
}

}  // namespace
}  // namespace bansuri::testing
