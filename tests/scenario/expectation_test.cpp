// SPDX-License-Identifier: MIT
//
// The success that does not come (`expect-within`), and the one that does (`heartbeat`).
#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = engine::FailureInfo::Kind;

class ExpectationTest : public SimulatedWorld {
  protected:
    static NotifyPolicy notify(bool on_recovery = false) {
        NotifyPolicy policy;
        policy.mode = NotifyMode::on_exhausted;
        policy.on_recovery = on_recovery;
        return policy;
    }
    /// When it was said that the task's success is overdue, as text.
    std::vector<std::string> overdue(const std::string& task) const {
        std::vector<std::string> times;
        for (const auto& info : notifier.told) {
            if (info.task == task && info.kind == Kind::overdue) {
                times.push_back(format_utc(info.at));
            }
        }
        return times;
    }
    std::size_t logged(const std::string& task) const {
        std::size_t count = 0;
        for (const engine::Event& event : heard) {
            const auto* overdue = std::get_if<engine::SuccessOverdue>(&event);
            count += overdue != nullptr && overdue->task == task ? 1 : 0;
        }
        return count;
    }
    bool is_overdue(const std::string& task) const { return engine->status({task}).at(0).overdue; }
};

TEST_F(ExpectationTest, GivenSuccessesInTime_ThenNothingIsTold) {
    start(task("poll").every(1h).expect_within(90min).notify(notify()));
    clock.advance(100h);
    EXPECT_THAT(overdue("poll"), IsEmpty());
    EXPECT_EQ(logged("poll"), 0u);
}

TEST_F(ExpectationTest, GivenATaskThatNeverRuns_ThenItIsToldOnceAfterThatTime) {
    start(task("yearly").cron("0 0 1 7 *").expect_within(26h).notify(notify()));
    clock.advance(26h - 1s);
    EXPECT_THAT(overdue("yearly"), IsEmpty());
    EXPECT_FALSE(is_overdue("yearly"));
    clock.advance(1000h);
    EXPECT_THAT(overdue("yearly"), ElementsAre("2026-01-02T02:00:00Z"));
    EXPECT_EQ(notifier.told[0].since, WallTime{});
    EXPECT_EQ(notifier.told[0].elapsed, 26h);
    EXPECT_EQ(notifier.told[0].command, "do yearly");
    EXPECT_EQ(logged("yearly"), 1u);
    EXPECT_TRUE(is_overdue("yearly"));
}

TEST_F(ExpectationTest, ItCountsFromTheLatestSuccess_WhateverFailsOrStops) {
    start(task("stopped").every(1h).expect_within(5h).notify(notify()).then().fails());
    clock.advance(10h);
    EXPECT_EQ(state("stopped"), TaskState::stopped);
    EXPECT_THAT(overdue("stopped"), ElementsAre("2026-01-01T05:00:00Z"));
    EXPECT_EQ(notifier.told.back().since, utc("2026-01-01T00:00:00"));
}

TEST_F(ExpectationTest, GivenNoNotify_ThenItIsLoggedOnly) {
    start(task("quiet").cron("0 0 1 7 *").expect_within(2h));
    clock.advance(3h);
    EXPECT_EQ(logged("quiet"), 1u);
    EXPECT_THAT(notifier.told, IsEmpty());
}

TEST_F(ExpectationTest, WhenASuccessComesAtLast_ThenItIsOverAndTheNextOneIsExpected) {
    start(task("late").cron("0 10 * * *").expect_within(5h).notify(notify(true)));
    clock.advance(20h);
    EXPECT_THAT(overdue("late"), ElementsAre("2026-01-01T05:00:00Z", "2026-01-01T15:00:00Z"));
    ASSERT_THAT(notifier.told, SizeIs(3));
    EXPECT_EQ(notifier.told[1].kind, Kind::recovery);
}

TEST_F(ExpectationTest, ADisabledTaskIsExpectedNothingOf_AndFromItsEnablingOnAsANewOne) {
    const auto made = task("t").cron("0 0 1 7 *").expect_within(5h).notify(notify());
    auto off = made;
    start(off.disabled());
    clock.advance(100h);
    EXPECT_EQ(logged("t"), 0u);
    configure({made});
    clock.advance(5h - 1s);
    EXPECT_EQ(logged("t"), 0u);
    clock.advance(1s);
    EXPECT_EQ(logged("t"), 1u);
    auto off_again = made;
    configure({off_again.disabled()});
    EXPECT_FALSE(is_overdue("t"));
    configure({made});
    clock.advance(5h);
    EXPECT_EQ(logged("t"), 2u);
}

TEST_F(ExpectationTest, ATaskThatIsDoneIsExpectedNothingMoreOf) {
    start(task("done").every(1h).max_runs(2).expect_within(3h));
    clock.advance(100h);
    EXPECT_EQ(logged("done"), 0u);
}

TEST_F(ExpectationTest, WhenTheTimeIsChanged_ThenTheNewOneCountsFromTheSameSuccess) {
    start(task("t").cron("0 0 1 7 *").expect_within(5h));
    clock.advance(4h);
    configure({task("t").cron("0 0 1 7 *").expect_within(10h)});
    clock.advance(6h - 1s);
    EXPECT_EQ(logged("t"), 0u);
    clock.advance(1s);
    EXPECT_EQ(logged("t"), 1u);
    configure({task("t").cron("0 0 1 7 *").expect_within(20h)});
    clock.advance(10h);
    EXPECT_EQ(logged("t"), 2u);
    configure({task("t").cron("0 0 1 7 *")});
    clock.advance(1000h);
    EXPECT_EQ(logged("t"), 2u);
}

TEST_F(ExpectationTest, WhenTheDaemonIsKilled_ThenTheNextOneGoesOnCounting) {
    start(task("t").cron("0 0 1 7 *").expect_within(10h).notify(notify()));
    clock.advance(8h);
    kill_daemon();
    clock.advance(1h);
    restart_daemon();
    clock.advance(1h);
    EXPECT_THAT(overdue("t"), ElementsAre("2026-01-01T10:00:00Z"));
    kill_daemon();
    restart_daemon();
    clock.advance(100h);
    EXPECT_THAT(overdue("t"), SizeIs(1)) << "told once";
    EXPECT_TRUE(is_overdue("t"));
}

TEST_F(ExpectationTest, WhenBansuriIsStartedAnew_ThenItCountsFromTheLatestSuccessOfTheHistory) {
    const auto nightly = task("nightly").cron("0 2 * * *").expect_within(26h).notify(notify());
    start(nightly);
    clock.advance(3h);
    ASSERT_EQ(run_count("nightly"), 1u);
    kill_bansuri();
    clock.advance(15h);
    start_bansuri(true);
    kill_bansuri();
    clock.advance(22h);
    start_bansuri(true);
    EXPECT_THAT(overdue("nightly"), IsEmpty());
    clock.advance(1min);
    EXPECT_THAT(overdue("nightly"), ElementsAre("2026-01-02T16:01:00Z")) << "after its patience";
    EXPECT_EQ(notifier.told[0].since, utc("2026-01-01T02:00:00"));
}

TEST_F(ExpectationTest, WhenBansuriIsStartedAnewAndTheTaskSucceedsAtOnce_ThenNothingIsTold) {
    start(task("poll").every(5min).expect_within(15min).notify(notify()));
    clock.advance(1h);
    kill_bansuri();
    clock.advance(10h);
    start_bansuri(true);
    clock.advance(10h);
    EXPECT_EQ(logged("poll"), 0u);
}

TEST_F(ExpectationTest, TheMachinesSleepCounts_AndAClockThatIsSetDoesNot) {
    start(task("t").cron("0 0 1 7 *").expect_within(10h));
    clock.step_wall(100h);
    EXPECT_EQ(logged("t"), 0u);
    clock.step_wall(-200h);
    clock.advance(1h);
    clock.sleep_machine(9h);
    EXPECT_EQ(logged("t"), 1u);
}

TEST_F(ExpectationTest, WhenTheTaskIsRemovedAndComesBack_ThenItIsANewOne) {
    const auto made = task("t").cron("0 0 1 7 *").expect_within(10h);
    start(made);
    clock.advance(9h);
    configure({});
    clock.advance(9h);
    EXPECT_EQ(logged("t"), 0u);
    configure({made});
    clock.advance(10h - 1s);
    EXPECT_EQ(logged("t"), 0u);
    clock.advance(1s);
    EXPECT_EQ(logged("t"), 1u);
}

TEST_F(ExpectationTest, AfterEachSuccessOfARunItsHeartbeatIsRequested) {
    start(task("well").every(1h).heartbeat("http://a/well"),
          task("ill").every(1h).goes_on().heartbeat("http://a/ill").fails(),
          task("third").retries(3).heartbeat("http://a/third").fails().then().fails().then(),
          task("none"));
    clock.advance(90min);
    EXPECT_THAT(heartbeat.beats,
                ElementsAre("well http://a/well", "third http://a/third", "well http://a/well"));
}

TEST_F(ExpectationTest, ASuccessThatComesWhileNoDaemonIsThereHasItsHeartbeat) {
    start(task("long").takes(1h).heartbeat("http://a/long"));
    clock.advance(1min);
    kill_daemon();
    clock.advance(2h);
    EXPECT_THAT(heartbeat.beats, IsEmpty());
    restart_daemon();
    EXPECT_THAT(heartbeat.beats, ElementsAre("long http://a/long"));
}

}  // namespace
}  // namespace bansuri::testing
