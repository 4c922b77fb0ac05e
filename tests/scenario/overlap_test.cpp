// SPDX-License-Identifier: MIT
//
// A task that is due while it still runs.
#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using OverlapTest = SimulatedWorld;

TEST_F(OverlapTest, GivenSkip_ThenTheInstantIsRecordedAndNothingStarts) {
    start(task("slow").every(1min).takes(90s));
    clock.advance(4min);
    EXPECT_THAT(starts("slow"), ElementsAre("2026-01-01T00:00:00Z", "2026-01-01T00:02:00Z",
                                            "2026-01-01T00:04:00Z"));
    EXPECT_EQ(launcher.most_at_once("slow"), 1);
    ASSERT_EQ(store.skips("slow").size(), 2u);
    EXPECT_EQ(format_utc(store.skips("slow")[0].first), "2026-01-01T00:01:00Z");
    EXPECT_EQ(store.skips("slow")[0].reason, "overlap: run 1 still ran");
}

TEST_F(OverlapTest, GivenQueue_ThenTheInstantWaitsForTheRunBeforeIt) {
    start(task("slow").cron("*/1 * * * *").overlap(Overlap::queue).takes(90s).then().takes(10s));
    clock.advance(5min);
    EXPECT_THAT(starts("slow"),
                ElementsAre("2026-01-01T00:01:00Z", "2026-01-01T00:02:30Z", "2026-01-01T00:03:00Z",
                            "2026-01-01T00:04:00Z", "2026-01-01T00:05:00Z"));
    EXPECT_EQ(launcher.most_at_once("slow"), 1);
    EXPECT_THAT(store.skips("slow"), IsEmpty());
    // The run that waited is still the one of its instant.
    EXPECT_EQ(format_utc(runs("slow")[1].due.instant), "2026-01-01T00:02:00Z");
}

TEST_F(OverlapTest, GivenQueue_WhenTheTaskNeverKeepsUp_ThenTheQueueIsBoundedAndSaysSo) {
    start(task("slow").every(1s).overlap(Overlap::queue).takes(1h));
    clock.advance(200s);
    EXPECT_EQ(store.skips("slow").size(), 100u);
    EXPECT_THAT(store.skips("slow").front().reason, HasSubstr("100 instants are waiting already"));
}

TEST_F(OverlapTest, GivenAllow_ThenRunsGoSideBySide) {
    start(task("slow").every(1min).overlap(Overlap::allow).takes(150s));
    clock.advance(10min);
    EXPECT_EQ(run_count("slow"), 11u);
    EXPECT_EQ(launcher.most_at_once("slow"), 3);
    EXPECT_EQ(state("slow"), TaskState::running);
}

TEST_F(OverlapTest, GivenAllowAndOnFailStop_WhenOneRunFails_ThenTheOthersEndInPeace) {
    start(task("slow").every(1min).overlap(Overlap::allow).takes(90s).then().takes(40s).fails());
    clock.advance(1min + 41s);
    EXPECT_EQ(state("slow"), TaskState::stopped);
    EXPECT_THAT(outcomes("slow"), ElementsAre(Outcome::success, Outcome::failed));
    clock.advance(1h);
    EXPECT_EQ(run_count("slow"), 2u);
}

TEST_F(OverlapTest, GivenAllowAndARunBetweenItsAttempts_ThenEachIsToldByItself) {
    start(task("job")
              .every(1min)
              .overlap(Overlap::allow)
              .retries(3)
              .restart_delay(10min)
              .fails()
              .then()
              .takes(1h));
    clock.advance(90s);
    const engine::TaskStatus status = engine->status({"job"}).at(0);
    ASSERT_EQ(status.runs.size(), 2u);
    EXPECT_EQ(status.runs[0].pid, 0);
    ASSERT_TRUE(status.runs[0].retry_at.has_value());
    EXPECT_EQ(*status.runs[0].retry_at - clock.wall_now(), 10min - 90s);
    EXPECT_EQ(status.retry_at, status.runs[0].retry_at);
    EXPECT_NE(status.runs[1].pid, 0);
    EXPECT_EQ(status.runs[1].retry_at, std::nullopt);
}

TEST_F(OverlapTest, GivenReplace_ThenTheOldRunIsStoppedAndTheNewOneStartsAfterIt) {
    start(task("slow").every(1min).overlap(Overlap::replace).takes(1h));
    clock.advance(2min);
    EXPECT_THAT(starts("slow"), ElementsAre("2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z",
                                            "2026-01-01T00:02:00Z"));
    EXPECT_EQ(launcher.most_at_once("slow"), 1);
    EXPECT_THAT(outcomes("slow"), ElementsAre(Outcome::stopped, Outcome::stopped));
}

TEST_F(OverlapTest, GivenReplace_WhenTheOldRunIgnoresTerm_ThenTheNewOneWaitsForItsEnd) {
    start(task("slow")
              .every(1min)
              .overlap(Overlap::replace)
              .stop_timeout(10s)
              .takes(1h)
              .ignores_term());
    clock.advance(1min + 9s);
    EXPECT_EQ(run_count("slow"), 1u);
    clock.advance(1s);
    EXPECT_EQ(starts("slow").back(), "2026-01-01T00:01:10Z");
    EXPECT_EQ(launcher.most_at_once("slow"), 1);
}

TEST_F(OverlapTest, GivenRetriesThatTakeLong_ThenWaitingForARetryCountsAsRunning) {
    start(task("fetch").every(1min).retries(2).restart_delay(90s).fails().then());
    clock.advance(2min);
    EXPECT_EQ(store.skips("fetch").size(), 1u);
    EXPECT_EQ(runs("fetch").size(), 2u);
}

TEST_F(OverlapTest, GivenAQueue_WhenTheTaskStopsAfterAFailure_ThenWhatWaitedIsRecordedAsSkipped) {
    start(task("slow").every(1min).overlap(Overlap::queue).takes(150s).fails());
    clock.advance(1h);
    EXPECT_EQ(run_count("slow"), 1u);
    ASSERT_EQ(store.skips("slow").size(), 2u);
    EXPECT_THAT(store.skips("slow")[0].reason, HasSubstr("run 1 failed"));
}

}  // namespace
}  // namespace bansuri::testing
