// SPDX-License-Identifier: MIT
//
// Who is told what, and when.
#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;

class NotificationTest : public SimulatedWorld {
  protected:
    static NotifyPolicy policy(NotifyMode mode) {
        NotifyPolicy made;
        made.mode = mode;
        return made;
    }
};

TEST_F(NotificationTest, GivenAfterFail_ThenEachFailedAttemptIsTold) {
    start(task("fetch").retries(3).notify(policy(NotifyMode::after_fail)).says("boom\n").fails());
    clock.advance(1min);
    ASSERT_EQ(notifier.told.size(), 3u);
    EXPECT_EQ(notifier.told[1].task, "fetch");
    EXPECT_EQ(notifier.told[1].attempt, 2u);
    EXPECT_EQ(notifier.told[1].attempts, 3u);
    EXPECT_EQ(notifier.told[1].status, ExitStatus::exited(1));
    EXPECT_EQ(notifier.told[1].standard_output.bytes, "boom\n");
}

TEST_F(NotificationTest, GivenNotifyNone_ThenNobodyIsTold) {
    start(task("fetch").retries(3).fails());
    clock.advance(1min);
    EXPECT_TRUE(notifier.told.empty());
}

TEST_F(NotificationTest, GivenOnExhausted_ThenOnlyTheLastAttemptIsTold) {
    start(task("fetch").retries(3).notify(policy(NotifyMode::on_exhausted)).fails(),
          task("saved").retries(3).notify(policy(NotifyMode::on_exhausted)).fails().then());
    clock.advance(1min);
    ASSERT_EQ(notifier.told.size(), 1u);
    EXPECT_EQ(notifier.told[0].task, "fetch");
    EXPECT_EQ(notifier.told[0].attempt, 3u);
}

TEST_F(NotificationTest, GivenAfterMany_ThenEveryNthFailureInARowIsTold) {
    NotifyPolicy third = policy(NotifyMode::after_many);
    third.threshold = 3;
    start(task("poll").every(1min).goes_on().notify(third).fails());
    clock.advance(6min);
    EXPECT_EQ(notifier.told.size(), 2u);
}

TEST_F(NotificationTest, GivenAfterMany_WhenASuccessComesBetween_ThenTheCountBeginsAnew) {
    NotifyPolicy third = policy(NotifyMode::after_many);
    third.threshold = 3;
    start(task("poll")
              .every(1min)
              .goes_on()
              .notify(third)
              .fails()
              .then()
              .fails()
              .then()
              .then()
              .fails()
              .then()
              .fails()
              .then());
    clock.advance(10min);
    EXPECT_TRUE(notifier.told.empty());
}

TEST_F(NotificationTest, GivenNotifyAfter_WhenTheTaskRecoversMeanwhile_ThenTheMessageIsDropped) {
    NotifyPolicy patient = policy(NotifyMode::after_fail);
    patient.hold_back = 5min;
    patient.on_recovery = true;
    start(task("poll").every(1min).goes_on().notify(patient).fails().then());
    clock.advance(1h);
    EXPECT_TRUE(notifier.told.empty());
}

TEST_F(NotificationTest, GivenNotifyAfter_WhenItGoesOnFailing_ThenOneMessageComesAfterThatTime) {
    NotifyPolicy patient = policy(NotifyMode::after_fail);
    patient.hold_back = 5min;
    start(task("poll").every(1min).goes_on().notify(patient).fails());
    clock.advance(5min - 1s);
    EXPECT_TRUE(notifier.told.empty());
    clock.advance(1s);
    ASSERT_GE(notifier.told.size(), 1u);
    clock.advance(1min);
    EXPECT_GE(notifier.told.size(), 2u);  // from then on each failure is told
}

TEST_F(NotificationTest, GivenAHeldBackMessage_WhenBansuriEndsOrTheTaskIsRemoved_ThenItGoesOut) {
    NotifyPolicy patient = policy(NotifyMode::after_fail);
    patient.hold_back = 1h;
    start(task("removed").notify(patient).fails(), task("kept").notify(patient).fails());
    clock.advance(1s);
    configure({task("kept").notify(patient).fails()});
    ASSERT_EQ(notifier.told.size(), 1u);
    EXPECT_EQ(notifier.told[0].task, "removed");
    begin_shutdown();
    ASSERT_EQ(notifier.told.size(), 2u);
    EXPECT_EQ(notifier.told[1].task, "kept");
}

TEST_F(NotificationTest,
       GivenAHeldBackMessage_WhenAReloadEndsTheHolding_ThenItGoesOutBeforeLaterOnes) {
    NotifyPolicy patient = policy(NotifyMode::after_fail);
    patient.hold_back = 1h;
    start(task("poll").every(1min).goes_on().notify(patient).fails());
    clock.advance(90s);
    configure({task("poll").every(1min).goes_on().notify(policy(NotifyMode::after_fail)).fails()});
    ASSERT_EQ(notifier.told.size(), 1u);
    EXPECT_EQ(notifier.told[0].run, 2u);
    clock.advance(2h);
    for (std::size_t i = 1; i < notifier.told.size(); ++i) {
        EXPECT_GT(notifier.told[i].run, notifier.told[i - 1].run);
    }
}

TEST_F(NotificationTest, GivenAHeldBackMessage_WhenAReloadSaysNone_ThenItIsDropped) {
    NotifyPolicy patient = policy(NotifyMode::after_fail);
    patient.hold_back = 1h;
    start(task("poll").every(1min).goes_on().notify(patient).fails());
    clock.advance(90s);
    configure({task("poll").every(1min).goes_on().fails()});
    clock.advance(3h);
    EXPECT_TRUE(notifier.told.empty());
}

TEST_F(NotificationTest, GivenNotifyOnRecovery_ThenOneMessageTellsTheFirstSuccess) {
    NotifyPolicy both = policy(NotifyMode::after_fail);
    both.on_recovery = true;
    start(task("poll").every(1min).goes_on().notify(both).fails().then());
    clock.advance(5min);
    ASSERT_EQ(notifier.told.size(), 2u);
    EXPECT_EQ(notifier.told[1].kind, engine::FailureInfo::Kind::recovery);
    EXPECT_EQ(notifier.told[1].outcome, Outcome::success);
}

TEST_F(NotificationTest, ARunThatCouldNotStartIsToldLikeAnyFailure) {
    start(task("broken").notify(policy(NotifyMode::after_fail)).cannot_start("no such directory"));
    clock.advance(1s);
    ASSERT_EQ(notifier.told.size(), 1u);
    EXPECT_EQ(notifier.told[0].reason, "no such directory");
}

TEST_F(NotificationTest, ATimeOutIsTold_AndAStopIsNot) {
    start(task("hang").notify(policy(NotifyMode::after_fail)).time_limit(10s).takes(1h),
          task("stopped").notify(policy(NotifyMode::after_fail)).takes(1h));
    clock.advance(20s);
    configure({});
    clock.advance(1min);
    ASSERT_EQ(notifier.told.size(), 1u);
    EXPECT_EQ(notifier.told[0].outcome, Outcome::timeout);
}

}  // namespace
}  // namespace bansuri::testing
