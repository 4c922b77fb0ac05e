// SPDX-License-Identifier: MIT
//
// Instants that were missed: while Bansuri was not running, while the machine slept, when the clock
// was set forward.
#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CatchUpTest : public SimulatedWorld {
  protected:
    CatchUpTest() : SimulatedWorld(utc("2026-01-05T00:30:00")) {}
    std::vector<std::string> instants(const std::string& name) const {
        std::vector<std::string> found;
        for (const auto& run : runs(name)) found.push_back(format_utc(run.due.instant));
        return found;
    }
    /// Down from 00:30 to 05:30: five hours of instants.
    void be_down() {
        kill_bansuri();
        clock.advance(5h);
        start_bansuri();
        clock.advance(1min);
    }
    std::uint64_t skipped(const std::string& name) const {
        std::uint64_t count = 0;
        for (const auto& skip : store.skips(name)) count += skip.count;
        return count;
    }
};

TEST_F(CatchUpTest, GivenNone_ThenAllAreRecordedAsMissed) {
    start(task("hourly").cron("0 * * * *"));
    be_down();
    EXPECT_THAT(instants("hourly"), IsEmpty());
    ASSERT_THAT(store.skips("hourly"), SizeIs(1));
    EXPECT_EQ(store.skips("hourly")[0].count, 5u);
    EXPECT_EQ(store.skips("hourly")[0].reason, "missed: Bansuri was not running");
    EXPECT_EQ(format_utc(store.skips("hourly")[0].last), "2026-01-05T05:00:00Z");
}

TEST_F(CatchUpTest, GivenNone_ThenAFixedTimeJobThatWasMissedIsNotMadeUpFor) {
    start(task("nightly").cron("0 4 * * *"));
    be_down();
    EXPECT_THAT(instants("nightly"), IsEmpty());
    EXPECT_EQ(skipped("nightly"), 1u);
}

TEST_F(CatchUpTest, GivenLatest_ThenTheLastOneRuns) {
    start(task("hourly").cron("0 * * * *").catch_up(CatchUp::latest));
    be_down();
    EXPECT_THAT(instants("hourly"), ElementsAre("2026-01-05T05:00:00Z"));
    EXPECT_EQ(skipped("hourly"), 4u);
    EXPECT_EQ(runs("hourly")[0].origin, engine::RunOrigin::catch_up);
}

TEST_F(CatchUpTest, GivenAll_ThenEachRunsInItsOrderOneAfterTheOther) {
    start(task("hourly").cron("0 * * * *").catch_up(CatchUp::all).takes(5s));
    be_down();
    EXPECT_THAT(instants("hourly"),
                ElementsAre("2026-01-05T01:00:00Z", "2026-01-05T02:00:00Z", "2026-01-05T03:00:00Z",
                            "2026-01-05T04:00:00Z", "2026-01-05T05:00:00Z"));
    EXPECT_EQ(launcher.most_at_once("hourly"), 1);
    EXPECT_EQ(skipped("hourly"), 0u);
}

TEST_F(CatchUpTest, GivenAWindow_ThenWhatIsOlderIsLetGo) {
    start(task("hourly").cron("0 * * * *").catch_up(CatchUp::all, 2h));
    be_down();
    EXPECT_THAT(instants("hourly"), ElementsAre("2026-01-05T04:00:00Z", "2026-01-05T05:00:00Z"));
    EXPECT_EQ(skipped("hourly"), 3u);
}

TEST_F(CatchUpTest, GivenAll_ThenAHundredAreMadeUpForAtMost) {
    start(task("often").cron("* * * * *").catch_up(CatchUp::all));
    be_down();
    EXPECT_EQ(instants("often").front(), "2026-01-05T03:51:00Z");
    EXPECT_EQ(instants("often")[99], "2026-01-05T05:30:00Z");
    EXPECT_EQ(skipped("often"), 300u - 100u);
}

TEST_F(CatchUpTest, GivenAllAndADaemonThatDiesMeanwhile_ThenTheRestIsStillMadeUpForOnce) {
    start(task("hourly").cron("0 * * * *").catch_up(CatchUp::all).takes(10s));
    kill_bansuri();
    clock.advance(5h);
    start_bansuri();
    clock.advance(15s);
    kill_daemon();
    clock.advance(30s);
    restart_daemon();
    clock.advance(1min);
    EXPECT_THAT(instants("hourly"), SizeIs(5));
    EXPECT_EQ(run_count("hourly"), 5u);
    EXPECT_EQ(launcher.most_at_once("hourly"), 1);
}

TEST_F(CatchUpTest, GivenAMachineThatSlept_ThenThePolicyHoldsAsWell) {
    start(task("none").cron("0 * * * *"),
          task("latest").cron("*/30 * * * *").catch_up(CatchUp::latest),
          task("all").cron("0 * * * *").catch_up(CatchUp::all));
    clock.sleep_machine(5h + 10min);
    clock.advance(1s);
    EXPECT_THAT(instants("none"), IsEmpty());
    EXPECT_THAT(instants("latest"), ElementsAre("2026-01-05T05:30:00Z"));
    EXPECT_THAT(instants("all"), SizeIs(5));
}

TEST_F(CatchUpTest, GivenAClockThatIsSetForward_ThenThePolicyHoldsAsWell) {
    start(task("all").cron("*/20 * * * *").catch_up(CatchUp::all));
    clock.step_wall(1h);
    clock.advance(1s);
    EXPECT_THAT(instants("all"), ElementsAre("2026-01-05T00:40:00Z", "2026-01-05T01:00:00Z",
                                             "2026-01-05T01:20:00Z"));
}

TEST_F(CatchUpTest, GivenATimerWithAll_WhenTheMachineSlept_ThenItsTicksAreMadeUpFor) {
    start(task("tick").every(1h).catch_up(CatchUp::all).takes(1s));
    clock.sleep_machine(3h + 10min);
    clock.advance(1min);
    EXPECT_EQ(run_count("tick"), 4u);
    EXPECT_EQ(launcher.most_at_once("tick"), 1);
}

TEST_F(CatchUpTest, GivenATaskThatIsNew_ThenNothingWasMissed) {
    start(task("old").cron("0 * * * *"));
    kill_bansuri();
    configured(task("new").cron("0 * * * *").catch_up(CatchUp::all));
    clock.advance(5h);
    start_bansuri();
    clock.advance(1min);
    EXPECT_THAT(instants("new"), IsEmpty());
    EXPECT_EQ(skipped("new"), 0u);
}

TEST_F(CatchUpTest, GivenAScheduleThatWasChangedMeanwhile_ThenItIsFollowedFromNowOn) {
    start(task("job").cron("0 * * * *").catch_up(CatchUp::all));
    kill_bansuri();
    configured(task("job").cron("*/10 * * * *").catch_up(CatchUp::all));
    clock.advance(5h);
    start_bansuri();
    clock.advance(1min);
    EXPECT_THAT(instants("job"), IsEmpty());
}

TEST_F(CatchUpTest, GivenATaskThatWasStoppedOrDone_ThenThatTimeIsNotMadeUpFor) {
    start(task("failed").cron("0 * * * *").fails().catch_up(CatchUp::all),
          task("done").cron("0 * * * *").max_runs(1).catch_up(CatchUp::all));
    clock.advance(5h);
    kill_bansuri();
    start_bansuri();
    clock.advance(1min);
    for (const char* name : {"failed", "done"}) {
        EXPECT_THAT(instants(name), ElementsAre("2026-01-05T01:00:00Z")) << name;
        EXPECT_EQ(skipped(name), 0u) << name;
    }
    clock.advance(30min);
    for (const char* name : {"failed", "done"}) {
        EXPECT_THAT(instants(name), SizeIs(2)) << name << " is followed from the start on";
    }
}

TEST_F(CatchUpTest, GivenATaskThatIsEnabledBetweenTwoStarts_ThenTheTimeBeforeIsNotMadeUpFor) {
    start(task("hourly").cron("0 * * * *").catch_up(CatchUp::all).disabled());
    clock.advance(3h);
    kill_bansuri();
    configured(task("hourly").cron("0 * * * *").catch_up(CatchUp::all));
    start_bansuri();
    clock.advance(1min);
    EXPECT_THAT(instants("hourly"), IsEmpty());
    EXPECT_EQ(skipped("hourly"), 0u);
}

TEST_F(CatchUpTest, GivenATaskThatWasDisabled_ThenThatTimeIsNotMadeUpFor) {
    start(task("job").cron("0 * * * *").disabled());
    clock.advance(5h);
    start(task("job").cron("0 * * * *").catch_up(CatchUp::all));
    kill_daemon();
    restart_daemon();
    clock.advance(10min);
    EXPECT_THAT(instants("job"), IsEmpty());
    clock.advance(30min);
    EXPECT_THAT(instants("job"), ElementsAre("2026-01-05T06:00:00Z"));
}

}  // namespace
}  // namespace bansuri::testing
