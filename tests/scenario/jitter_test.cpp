// SPDX-License-Identifier: MIT
//
// Instants that start later than they are due, by `jitter`.
#include <gmock/gmock.h>

#include "core/jitter.hpp"
#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class JitterTest : public SimulatedWorld {
  protected:
    JitterTest() : SimulatedWorld(utc("2026-01-05T00:30:00")) {}

    static TaskBuilder nightly() { return task("nightly").cron("0 2 * * *").jitter(1h).goes_on(); }
    static Duration delay(const TaskBuilder& task, const std::string& instant) {
        const Duration made = start_delay(*task.build(), utc(instant));
        // So that a test can look before it is over, and a little later.
        EXPECT_GT(made, 5min);
        EXPECT_LT(made, 55min);
        return made;
    }
    static std::string after(const std::string& instant, Duration delay) {
        return format_utc(utc(instant) + delay);
    }
    std::vector<std::string> instants(const std::string& name) const {
        std::vector<std::string> found;
        for (const auto& run : runs(name)) found.push_back(format_utc(run.due.instant));
        return found;
    }
    engine::TaskStatus status(const std::string& name) const {
        return engine->status({name}).at(0);
    }
    /// Due at that time of each day.
    static std::string daily(WallTime when) {
        const auto minutes = std::chrono::floor<std::chrono::minutes>(
            when - std::chrono::floor<std::chrono::days>(when));
        return std::to_string(minutes.count() % 60) + " " + std::to_string(minutes.count() / 60) +
               " * * *";
    }
    void advance_to(const std::string& when) { clock.advance(utc(when) - clock.wall_now()); }

    const std::string two = "2026-01-05T02:00:00Z";
};

TEST_F(JitterTest, ACronInstantStartsLaterAndKeepsItsName) {
    start(nightly());
    clock.advance(48h);
    EXPECT_THAT(instants("nightly"), ElementsAre(two, "2026-01-06T02:00:00Z"));
    EXPECT_THAT(starts("nightly"), ElementsAre(after(two, delay(nightly(), two)),
                                               after("2026-01-06T02:00:00Z",
                                                     delay(nightly(), "2026-01-06T02:00:00Z"))));
    EXPECT_EQ(runs("nightly")[0].origin, engine::RunOrigin::schedule);
    EXPECT_THAT(store.skips("nightly"), IsEmpty());
}

TEST_F(JitterTest, EachInstantOfATimerStartsLater_TheFirstToo_AndTheGridStays) {
    const auto poll = task("poll").every(1h).jitter(30min);
    start(poll);
    EXPECT_EQ(run_count("poll"), 0u);
    clock.advance(10h);
    ASSERT_THAT(runs("poll"), SizeIs(10));
    for (std::size_t i = 0; i < 10; ++i) {
        const WallTime instant = utc("2026-01-05T00:30:00") + i * 1h;
        EXPECT_EQ(runs("poll")[i].due.instant, instant);
        EXPECT_EQ(starts("poll")[i], format_utc(instant + start_delay(*poll.build(), instant)));
    }
}

TEST_F(JitterTest, AJitterLongerThanTheIntervalLosesNothingAndKeepsTheOrder) {
    start(task("poll").every(10s).jitter(1h).overlap(Overlap::allow),
          task("cron").cron("*/5 * * * *").jitter(24h).overlap(Overlap::allow));
    clock.advance(1h);
    EXPECT_THAT(runs("poll"), SizeIs(360));
    EXPECT_THAT(runs("cron"), SizeIs(11));
    for (const char* const name : {"poll", "cron"}) {
        const auto all = instants(name);
        EXPECT_TRUE(std::is_sorted(all.begin(), all.end()));
        EXPECT_THAT(store.skips(name), IsEmpty());
    }
}

TEST_F(JitterTest, AOnceTaskStartsAtOnce) {
    start(task("once").jitter(1h));
    EXPECT_EQ(run_count("once"), 1u);
}

TEST_F(JitterTest, StatusTellsTheInstantAndTheStart) {
    start(nightly(), task("plain").cron("0 2 * * *"));
    const Duration late = delay(nightly(), two);
    EXPECT_EQ(status("nightly").next, utc(two));
    EXPECT_EQ(status("nightly").next_start, utc(two) + late);
    EXPECT_EQ(status("plain").next_start, std::nullopt);
    advance_to("2026-01-05T02:02:00Z");
    EXPECT_EQ(status("nightly").next, utc(two));
    EXPECT_EQ(status("nightly").next_start, utc(two) + late);
    EXPECT_EQ(state("nightly"), TaskState::pending);
    clock.advance(late);
    EXPECT_EQ(status("nightly").next, utc("2026-01-06T02:00:00Z"));
}

TEST_F(JitterTest, WhenTheDaemonIsKilledDuringTheDelay_ThenTheNextOneStartsItAtTheSameTime) {
    const auto poll = task("poll").every(12h).jitter(1h);
    start(nightly(), poll);
    advance_to("2026-01-05T02:02:00Z");
    kill_daemon();
    clock.advance(2min);
    restart_daemon();
    EXPECT_EQ(run_count("nightly"), 0u);
    clock.advance(5h);
    EXPECT_THAT(starts("nightly"), ElementsAre(after(two, delay(nightly(), two))));
    EXPECT_THAT(store.skips("nightly"), IsEmpty());
    EXPECT_THAT(runs("poll"), SizeIs(1));
}

TEST_F(JitterTest, WhenTheDaemonIsKilledInTheDelayOfATimer_ThenTheNextOneStartsItAtTheSameTime) {
    const auto poll = task("poll").every(1h).jitter(1h);
    start(poll);
    const WallTime second = utc("2026-01-05T01:30:00");
    const Duration late = start_delay(*poll.build(), second);
    ASSERT_GT(late, 2min);
    clock.advance(1h + 1min);
    ASSERT_EQ(run_count("poll"), 1u);
    kill_daemon();
    clock.advance(30s);
    restart_daemon();
    clock.advance(late);
    ASSERT_EQ(run_count("poll"), 2u);
    EXPECT_EQ(starts("poll")[1], format_utc(second + late));
    EXPECT_EQ(runs("poll")[1].due.instant, second);
    EXPECT_THAT(store.skips("poll"), IsEmpty());
}

TEST_F(JitterTest, WhenTheDaemonIsKilledInTheDelayOfTheFirstInstant_ThenItStartsAtTheSameTimeToo) {
    const auto poll = task("poll").every(1h).jitter(1h);
    start(poll);
    const WallTime first = clock.wall_now();
    const Duration late = start_delay(*poll.build(), first);
    ASSERT_GT(late, 2min);
    for (int i = 0; i < 3; ++i) {
        clock.advance(30s);
        kill_daemon();
        restart_daemon();
    }
    EXPECT_EQ(run_count("poll"), 0u);
    clock.advance(2h - 90s);
    ASSERT_GE(run_count("poll"), 2u);
    EXPECT_EQ(starts("poll")[0], format_utc(first + late));
    EXPECT_EQ(runs("poll")[0].due.instant, first);
    EXPECT_EQ(runs("poll")[1].due.instant, first + 1h) << "on the same grid";
    EXPECT_THAT(store.skips("poll"), IsEmpty());
}

TEST_F(JitterTest, WhenTheDaemonIsBackAfterTheDelayOfTheFirstInstant_ThenItStartsAtOnce) {
    const auto poll = task("poll").every(12h).jitter(1h);
    start(poll);
    const WallTime first = clock.wall_now();
    kill_daemon();
    clock.advance(2h);
    restart_daemon();
    ASSERT_THAT(runs("poll"), SizeIs(1));
    EXPECT_EQ(runs("poll")[0].due.instant, first);
}

TEST_F(JitterTest, WhenTheDaemonIsKilledAfterTheStart_ThenItIsNotStartedAgain) {
    start(nightly());
    const Duration late = delay(nightly(), two);
    advance_to(two);
    clock.advance(late + 1s);
    ASSERT_EQ(run_count("nightly"), 1u);
    kill_daemon();
    restart_daemon();
    clock.advance(3h);
    EXPECT_EQ(run_count("nightly"), 1u);
}

TEST_F(JitterTest, WhenBansuriIsKilledInTheDelayAndBackBeforeItsEnd_ThenItStartsInTime) {
    start(nightly());
    advance_to("2026-01-05T02:02:00Z");
    kill_bansuri();
    clock.advance(2min);
    start_bansuri(true);
    clock.advance(2h);
    EXPECT_THAT(starts("nightly"), ElementsAre(after(two, delay(nightly(), two))));
}

TEST_F(JitterTest, WhenBansuriEndsDuringTheDelay_ThenTheNextOneStartsOrSkipsIt) {
    const auto daily = task("daily").cron("0 2 * * *").jitter(12h);
    start(nightly(), daily);
    advance_to("2026-01-05T02:02:00Z");
    shut_down();  // takes an hour
    EXPECT_THAT(store.skips("nightly"), IsEmpty()) << "nobody knows yet";
    const Duration late = start_delay(*daily.build(), utc(two));
    ASSERT_GT(late, 2h);
    start_bansuri();
    clock.advance(12h);
    EXPECT_EQ(run_count("nightly"), 0u);
    ASSERT_THAT(store.skips("nightly"), SizeIs(1));
    EXPECT_EQ(store.skips("nightly")[0].reason, "missed: Bansuri was not running");
    EXPECT_THAT(starts("daily"), ElementsAre(after(two, late)));
}

TEST_F(JitterTest, GivenCatchUp_WhenBansuriComesBackAfterTheDelay_ThenItIsMadeUpForAtOnce) {
    const auto patient = nightly().catch_up(CatchUp::latest);
    start(patient);
    advance_to("2026-01-05T02:02:00Z");
    kill_bansuri();
    clock.advance(3h);
    start_bansuri();
    EXPECT_THAT(starts("nightly"), ElementsAre("2026-01-05T05:02:00Z"));
    EXPECT_EQ(runs("nightly")[0].origin, engine::RunOrigin::catch_up);
    EXPECT_THAT(store.skips("nightly"), IsEmpty());
}

TEST_F(JitterTest, GivenCatchUpAll_ThenWhatWasMissedRunsAtOnceAndTheLatestAfterItsDelay) {
    const auto hourly = task("hourly").cron("0 * * * *").jitter(1h).catch_up(CatchUp::all);
    start(hourly);
    kill_bansuri();
    advance_to("2026-01-05T05:01:00Z");
    const std::string five = "2026-01-05T05:00:00Z";
    const Duration late = start_delay(*hourly.build(), utc(five));
    ASSERT_GT(late, 2min);
    start_bansuri();
    clock.advance(10s);
    EXPECT_THAT(instants("hourly"), ElementsAre("2026-01-05T01:00:00Z", "2026-01-05T02:00:00Z",
                                                "2026-01-05T03:00:00Z", "2026-01-05T04:00:00Z"));
    advance_to("2026-01-05T05:59:59Z");
    ASSERT_THAT(runs("hourly"), SizeIs(5));
    EXPECT_EQ(starts("hourly")[4], after(five, late));
    EXPECT_EQ(runs("hourly")[4].origin, engine::RunOrigin::schedule);
}

TEST_F(JitterTest, WhenTheMachineSleepsThroughTheDelay_ThenItIsMissedLikeAnyOther) {
    start(nightly(), task("caught").cron("0 2 * * *").jitter(1h).catch_up(CatchUp::latest));
    advance_to("2026-01-05T02:00:01Z");
    clock.sleep_machine(72h);
    clock.advance(1s);
    EXPECT_EQ(run_count("nightly"), 0u);
    ASSERT_THAT(store.skips("nightly"), SizeIs(1));
    EXPECT_EQ(store.skips("nightly")[0].count, 3u);
    clock.advance(1h);
    EXPECT_THAT(instants("caught"), ElementsAre("2026-01-07T02:00:00Z", "2026-01-08T02:00:00Z"));
}

TEST_F(JitterTest, WhenTheClockIsSetDuringTheDelay_ThenTheDelayDoesNotNotice) {
    for (const Duration by : {Duration(-3h), Duration(20min), Duration(30h)}) {
        SCOPED_TRACE(by.count());
        const auto task_name = "by" + std::to_string(by.count() + 1'000'000'000'000);
        const auto made = task(task_name).every(4h).jitter(1h);
        configure({made});
        const Duration late = start_delay(*made.build(), clock.wall_now());
        clock.advance(1s);
        ASSERT_EQ(run_count(task_name), 0u);
        clock.step_wall(by);
        clock.advance(late - 2s);
        EXPECT_EQ(run_count(task_name), 0u);
        clock.advance(1s);
        EXPECT_EQ(run_count(task_name), 1u);
    }
}

TEST_F(JitterTest, WhenTheClockIsSetDuringACronDelay_ThenItStartsOnce) {
    for (const Duration by : {Duration(-3h), Duration(30min)}) {
        SCOPED_TRACE(by.count());
        const auto name = "at" + std::to_string(by.count() + 1'000'000'000'000);
        const WallTime soon = std::chrono::ceil<std::chrono::minutes>(clock.wall_now() + 2min);
        const auto made = task(name).cron(daily(soon)).jitter(20min);
        configure({made});
        const Duration late = start_delay(*made.build(), soon);
        clock.advance(soon - clock.wall_now() + 1s);
        ASSERT_GT(late, 10s);
        ASSERT_EQ(run_count(name), 0u);
        clock.step_wall(by);
        clock.advance(late - 1s);
        EXPECT_EQ(run_count(name), 1u);
        clock.advance(4h);
        EXPECT_EQ(run_count(name), 1u);
    }
}

TEST_F(JitterTest, WhenTheTaskIsRemovedChangedOrDisabled_ThenTheDelayedInstantIsSkipped) {
    start(nightly(), task("changed").cron("0 2 * * *").jitter(1h),
          task("disabled").cron("0 2 * * *").jitter(1h), task("kept").cron("0 2 * * *").jitter(1h));
    advance_to("2026-01-05T02:00:01Z");
    configure({task("changed").cron("0 2 * * *").jitter(1h).command("another"),
               task("disabled").cron("0 2 * * *").jitter(1h).disabled(),
               task("kept").cron("0 2 * * *").jitter(2h)});
    clock.advance(2h);
    for (const char* const name : {"nightly", "changed", "disabled"}) {
        EXPECT_EQ(run_count(name), 0u) << name;
        ASSERT_THAT(store.skips(name), SizeIs(1)) << name;
        EXPECT_EQ(format_utc(store.skips(name)[0].first), two) << name;
    }
    EXPECT_EQ(store.skips("nightly")[0].reason, "the task was removed from the configuration");
    EXPECT_EQ(run_count("kept"), 1u) << "a change of policy leaves it where it is";
}

TEST_F(JitterTest, WhenBansuriEndsInTheDelayOfATimer_ThenItIsSkipped) {
    start(task("poll").every(2h).jitter(1h));
    ASSERT_EQ(run_count("poll"), 0u);
    shut_down();
    ASSERT_THAT(store.skips("poll"), SizeIs(1));
    EXPECT_EQ(store.skips("poll")[0].reason, "shutdown");
}

TEST_F(JitterTest, ADelayedInstantMeetsTheOverlapPolicyWhenItStarts) {
    start(task("long").every(10min).jitter(5min).takes(25min));
    clock.advance(40min);
    EXPECT_EQ(launcher.most_at_once("long"), 1);
    EXPECT_EQ(run_count("long") + store.skips("long").size(), 4u);
    EXPECT_GT(store.skips("long").size(), 0u);
}

}  // namespace
}  // namespace bansuri::testing
