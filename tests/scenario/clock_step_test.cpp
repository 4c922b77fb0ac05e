// SPDX-License-Identifier: MIT
//
// The wall clock is set, the machine sleeps, daylight saving comes and goes.
#include <gmock/gmock.h>

#include <random>
#include <set>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ClockStepTest : public SimulatedWorld {
  protected:
    ClockStepTest() : SimulatedWorld(utc("2026-01-05T12:00:00")) {}
    /// The instants that ran; a repeated one would show twice.
    std::vector<std::string> instants(const std::string& name) const {
        std::vector<std::string> found;
        for (const auto& run : runs(name)) found.push_back(format_utc(run.due.instant));
        return found;
    }
};

TEST_F(ClockStepTest, GivenAStepForwardOfAnHour_ThenAFixedTimeJobInTheHoleRunsOnce) {
    start(task("fixed").cron("30 12 * * *"), task("wild").cron("*/10 * * * *"));
    clock.advance(5min);
    clock.step_wall(1h);
    EXPECT_THAT(instants("fixed"), ElementsAre("2026-01-05T12:30:00Z"));
    EXPECT_THAT(instants("wild"), IsEmpty());
    ASSERT_EQ(store.skips("wild").size(), 1u);
    EXPECT_EQ(store.skips("wild")[0].count, 6u);
    clock.advance(5min);
    EXPECT_THAT(instants("wild"), ElementsAre("2026-01-05T13:10:00Z"));
    EXPECT_EQ(instants("fixed").size(), 1u);
}

TEST_F(ClockStepTest, GivenADaemonThatTookOverInTime_ThenAStepForwardIsJudgedAsAnyOther) {
    start(task("fixed").cron("30 12 * * *"));
    clock.advance(5min);
    kill_daemon();
    restart_daemon();
    clock.step_wall(1h);
    EXPECT_THAT(instants("fixed"), ElementsAre("2026-01-05T12:30:00Z"));
    EXPECT_THAT(store.skips("fixed"), IsEmpty());
}

TEST_F(ClockStepTest,
       GivenAStepForwardOfMoreThanThreeHours_ThenWhatLiesInTheHoleIsRecordedAsMissed) {
    start(task("fixed").cron("30 12 * * *"));
    clock.step_wall(4h);
    EXPECT_THAT(instants("fixed"), IsEmpty());
    ASSERT_EQ(store.skips("fixed").size(), 1u);
    clock.advance(24h);
    EXPECT_THAT(instants("fixed"), ElementsAre("2026-01-06T12:30:00Z"));
}

TEST_F(ClockStepTest, GivenAStepForwardOfAYear_ThenNothingComesInABurst) {
    start(task("each second").cron("* * * * * *"), task("daily").cron("@daily"));
    clock.step_wall(24h * 365);
    EXPECT_LE(run_count("each second"), 1u);
    EXPECT_EQ(run_count("daily"), 0u);
    clock.advance(10s);
    EXPECT_LE(run_count("each second"), 11u);
    ASSERT_FALSE(store.skips("each second").empty());
    EXPECT_TRUE(store.skips("each second")[0].at_least);
}

TEST_F(ClockStepTest, GivenAStepBack_ThenNoInstantRunsTwiceAndNoneIsLostAfterwards) {
    for (const Duration step : {Duration(10s), Duration(1h), Duration(4h)}) {
        const std::string name = "t" + std::to_string(step.count());
        configure({task(name).cron("*/15 * * * *")});
        const auto before = clock.wall_now();
        clock.advance(2h);
        clock.step_wall(-step);
        clock.advance(step + 1h);
        const auto ran = instants(name);
        const std::set<std::string> distinct(ran.begin(), ran.end());
        EXPECT_EQ(ran.size(), distinct.size());
        EXPECT_EQ(ran.size(), static_cast<std::size_t>((clock.wall_now() - before) / 15min));
    }
}

TEST_F(ClockStepTest, GivenAClockThatWasBehindForAWhile_ThenWhatRanBeforeIsNotRecordedAsMissed) {
    start(task("hourly").cron("30 * * * *"), task("fixed").cron("30 13 * * *"));
    clock.advance(3h);
    const auto ran = [this] { return instants("hourly"); };
    ASSERT_THAT(
        ran(), ElementsAre("2026-01-05T12:30:00Z", "2026-01-05T13:30:00Z", "2026-01-05T14:30:00Z"));
    clock.step_wall(-5h);  // to 10:00, before the time that was gone through
    clock.advance(5min);
    clock.step_wall(5h);
    clock.advance(30min);
    EXPECT_THAT(ran(), ElementsAre("2026-01-05T12:30:00Z", "2026-01-05T13:30:00Z",
                                   "2026-01-05T14:30:00Z", "2026-01-05T15:30:00Z"));
    EXPECT_EQ(run_count("fixed"), 1u);
    EXPECT_THAT(store.skips("fixed"), IsEmpty());
    ASSERT_EQ(store.skips("hourly").size(), 1u);
    EXPECT_EQ(store.skips("hourly")[0].count, 2u);  // 10:30 and 11:30, which nobody came through
    EXPECT_EQ(format_utc(store.skips("hourly")[0].last), "2026-01-05T11:30:00Z");
}

TEST_F(ClockStepTest, GivenAClockThatWasYearsAhead_WhenItIsCorrected_ThenCronFollowsAtOnce) {
    clock.step_wall(24h * 365 * 4);
    start(task("hourly").cron("0 * * * *"));
    clock.advance(90min);
    EXPECT_EQ(run_count("hourly"), 1u);
    clock.step_wall(-24h * 365 * 4);
    clock.advance(1h);
    EXPECT_EQ(run_count("hourly"), 2u);
}

TEST_F(ClockStepTest, GivenACorrectionThatATimerSeesFirst_ThenCronFollowsAllTheSame) {
    clock.step_wall(24h * 365 * 4);
    start(task("hourly").cron("0 * * * *"), task("poll").every(10s));
    clock.advance(90min);
    clock.step_wall_unnoticed(-24h * 365 * 4);
    clock.advance(1h);
    EXPECT_EQ(run_count("hourly"), 2u);
}

TEST_F(ClockStepTest, TimersAndTimeLimitsDoNotNoticeAStep) {
    start(task("poll").every(10s), task("hang").time_limit(1min).takes(1h));
    clock.advance(5s);
    clock.step_wall(24h * 30);
    clock.step_wall(-24h * 60);
    EXPECT_EQ(launcher.running("hang"), 1);
    clock.advance(4s);
    EXPECT_EQ(run_count("poll"), 1u);
    clock.advance(1s);
    EXPECT_EQ(run_count("poll"), 2u);
    clock.advance(50s);
    EXPECT_THAT(outcomes("hang"), ElementsAre(Outcome::timeout));
    EXPECT_GE(runs("hang")[0].result->elapsed, Duration::zero());
}

TEST_F(ClockStepTest, GivenAThousandRandomSteps_ThenNoInstantRunsTwice) {
    std::mt19937 random(20260105);
    std::uniform_int_distribution<int> step(-7200, 7200);
    start(task("minutely").cron("* * * * *"), task("fixed").cron("30 12 * * *"));
    for (int i = 0; i < 1000; ++i) {
        clock.step_wall(std::chrono::seconds(step(random)));
        clock.advance(17s);
    }
    for (const char* const name : {"minutely", "fixed"}) {
        const auto ran = instants(name);
        EXPECT_EQ(std::set<std::string>(ran.begin(), ran.end()).size(), ran.size()) << name;
    }
    EXPECT_LE(run_count("minutely"), 1000u);
}

TEST_F(ClockStepTest, GivenASleepOfEightHours_ThenAtMostOneRunFollowsTheWaking) {
    start(task("minutely").cron("* * * * *"), task("poll").every(1s),
          task("fixed").cron("0 18 * * *"));
    clock.advance(1min);
    const auto before = launcher.started().size();
    clock.sleep_machine(8h);
    EXPECT_LE(launcher.started().size(), before + 3);
    // 18:00 was two hours ago when the machine woke at 20:01: late, and still run.
    EXPECT_THAT(instants("fixed"), ElementsAre("2026-01-05T18:00:00Z"));
}

class SpringForward : public SimulatedWorld {
  protected:
    SpringForward() : SimulatedWorld(utc("2026-03-28T12:00:00")) {}
};

TEST_F(SpringForward, AFixedTimeJobInTheGapRunsAfterIt_AndOthersFollowElapsedTime) {
    start(task("fixed").cron("30 2 * * *", "Europe/Berlin"),
          task("wild").cron("*/30 * * * *", "Europe/Berlin"));
    clock.advance_to(utc("2026-03-29T12:00:00"));
    EXPECT_THAT(starts("fixed"), ElementsAre("2026-03-29T01:00:00Z"));  // 03:00 summer time
    EXPECT_EQ(run_count("wild"), 48u);
}

class AutumnBack : public SimulatedWorld {
  protected:
    AutumnBack() : SimulatedWorld(utc("2026-10-24T12:00:00")) {}
};

TEST_F(AutumnBack, AFixedTimeJobInTheRepeatedHourRunsOnce_AndOthersBothTimes) {
    start(task("fixed").cron("30 2 * * *", "Europe/Berlin"),
          task("wild").cron("*/30 * * * *", "Europe/Berlin"));
    clock.advance_to(utc("2026-10-25T12:00:00"));
    EXPECT_THAT(starts("fixed"), ElementsAre("2026-10-25T00:30:00Z"));  // the first 02:30
    EXPECT_EQ(run_count("wild"), 48u);
}

}  // namespace
}  // namespace bansuri::testing
