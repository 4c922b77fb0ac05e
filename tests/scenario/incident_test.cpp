// SPDX-License-Identifier: MIT
//
// `notify-mode: incident`: one message when failing begins, reminders, one when it is over.
#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = engine::FailureInfo::Kind;

class IncidentTest : public SimulatedWorld {
  protected:
    static NotifyPolicy incident(Duration remind = 24h, Duration hold_back = 0s) {
        NotifyPolicy policy;
        policy.mode = NotifyMode::incident;
        policy.remind = remind;
        policy.hold_back = hold_back;
        return policy;
    }
    static TaskBuilder failing(const NotifyPolicy& policy) {
        return task("poll").every(1h).goes_on().notify(policy).fails();
    }
    std::vector<Kind> kinds() const {
        std::vector<Kind> all;
        for (const auto& info : notifier.told) all.push_back(info.kind);
        return all;
    }
    std::string told_at(std::size_t which) const { return format_utc(notifier.told.at(which).at); }
};

TEST_F(IncidentTest, GivenATaskThatFailsAndRecovers_ThenTwoMessagesTellIt) {
    start(failing(incident()).then().fails().then().fails().then());
    clock.advance(10h);
    EXPECT_THAT(kinds(), ElementsAre(Kind::failure, Kind::recovery));
    EXPECT_EQ(notifier.told[0].status, ExitStatus::exited(1));
    EXPECT_EQ(told_at(1), "2026-01-01T03:00:00Z");
    EXPECT_EQ(notifier.told[1].since, utc("2026-01-01T00:00:00"));
}

TEST_F(IncidentTest, WhileItLasts_ThenAReminderComesEachTime) {
    start(failing(incident(5h)));
    clock.advance(12h);
    ASSERT_THAT(kinds(), ElementsAre(Kind::failure, Kind::reminder, Kind::reminder));
    EXPECT_EQ(told_at(1), "2026-01-01T05:00:00Z");
    EXPECT_EQ(told_at(2), "2026-01-01T10:00:00Z");
    EXPECT_EQ(notifier.told[2].since, utc("2026-01-01T00:00:00"));
    EXPECT_GE(notifier.told[2].failures, 10u);
    EXPECT_EQ(notifier.told[2].outcome, Outcome::failed);
    EXPECT_EQ(notifier.told[2].command, "do poll");
}

TEST_F(IncidentTest, EachIncidentIsToldAnew) {
    start(failing(incident()).then().then().fails().then());
    clock.advance(10h);
    EXPECT_THAT(kinds(), ElementsAre(Kind::failure, Kind::recovery, Kind::failure, Kind::recovery));
}

TEST_F(IncidentTest, ATaskThatIsStoppedByItsFailureIsRemindedOfToo) {
    start(task("once").notify(incident()).fails());
    clock.advance(49h);
    EXPECT_EQ(state("once"), TaskState::stopped);
    EXPECT_THAT(kinds(), ElementsAre(Kind::failure, Kind::reminder, Kind::reminder));
}

TEST_F(IncidentTest, GivenNotifyAfter_ThenAShortOneIsNotToldAndALongOneFromThenOn) {
    start(failing(incident(5h, 90min)).then());
    clock.advance(20h);
    EXPECT_THAT(notifier.told, IsEmpty());
    configure({failing(incident(5h, 90min)).command("another")});
    clock.advance(8h);
    EXPECT_THAT(kinds(), ElementsAre(Kind::failure, Kind::reminder));
}

TEST_F(IncidentTest, WhenTheDaemonIsKilled_ThenTheNextOneGoesOnWithTheSameIncident) {
    start(failing(incident(24h)));
    clock.advance(20h);
    kill_daemon();
    clock.advance(2h);
    restart_daemon();
    clock.advance(2h);
    EXPECT_THAT(kinds(), ElementsAre(Kind::failure, Kind::reminder));
    EXPECT_EQ(told_at(1), "2026-01-02T00:00:00Z");
    kill_daemon();
    restart_daemon();
    clock.advance(23h);
    EXPECT_THAT(notifier.told, SizeIs(2)) << "the reminder was remembered";
}

TEST_F(IncidentTest, WhenTheDaemonIsKilledAfterWhatWasHeldBackWentOut_ThenItIsNotToldAgain) {
    start(failing(incident(24h, 90min)));
    clock.advance(90min);
    EXPECT_THAT(notifier.told, SizeIs(1));
    kill_daemon();
    restart_daemon();
    clock.advance(10h);
    EXPECT_THAT(notifier.told, SizeIs(1));
}

TEST_F(IncidentTest, WhenTheMachineIsRestarted_ThenTheIncidentLastsUntilASuccess) {
    start(failing(incident(24h)).then().fails().then().fails().then());
    clock.advance(1h);
    kill_bansuri();
    clock.advance(1h);
    start_bansuri(true);
    EXPECT_THAT(notifier.told, SizeIs(1)) << "it fails still";
    clock.advance(1h);
    EXPECT_THAT(kinds(), ElementsAre(Kind::failure, Kind::recovery));
}

TEST_F(IncidentTest, WhenTheTaskIsRemovedOrNotifyIsTakenAway_ThenNothingFollows) {
    start(failing(incident(5h)), task("other").every(1h).goes_on().notify(incident(5h)).fails());
    configure({task("other").every(1h).goes_on().fails()});
    clock.advance(100h);
    EXPECT_THAT(notifier.told, SizeIs(2));
    configure({failing(incident(5h))});
    EXPECT_THAT(notifier.told, SizeIs(3)) << "another incident";
}

TEST_F(IncidentTest, WhenAReloadMakesItTheMode_ThenWhatWasToldIsAnIncident) {
    NotifyPolicy each;
    start(failing(each));
    ASSERT_THAT(notifier.told, SizeIs(1));
    configure({failing(incident(5h))});
    clock.advance(6h);
    EXPECT_THAT(kinds(), ElementsAre(Kind::failure, Kind::reminder));
    configure({failing(incident(10h))});
    clock.advance(8h);
    EXPECT_THAT(notifier.told, SizeIs(2));
    clock.advance(2h);
    EXPECT_THAT(notifier.told, SizeIs(3));
}

TEST_F(IncidentTest, ASuccessThatIsOverdueIsOneToo) {
    start(task("t").cron("0 20 * * *").expect_within(5h).notify(incident(10h)).goes_on());
    clock.advance(21h);
    EXPECT_THAT(kinds(), ElementsAre(Kind::overdue, Kind::reminder, Kind::recovery));
    EXPECT_EQ(told_at(0), "2026-01-01T05:00:00Z");
    EXPECT_EQ(told_at(1), "2026-01-01T15:00:00Z");
}

TEST_F(IncidentTest, OfAnIncidentThatLastsItIsNotToldThatASuccessIsOverdueToo) {
    start(failing(incident(100h)).expect_within(5h));
    clock.advance(20h);
    EXPECT_THAT(kinds(), ElementsAre(Kind::failure));
    EXPECT_TRUE(engine->status({"poll"}).at(0).overdue);
}

}  // namespace
}  // namespace bansuri::testing
