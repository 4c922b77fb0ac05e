// SPDX-License-Identifier: MIT
#include "notify/alerts.hpp"

#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::notify {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AlertsTest : public ::testing::Test {
  protected:
    AlertsTest() : clock(loop, testing::utc("2026-01-01T00:00:00")) { alerts.use(true); }

    std::vector<std::string> kinds() const {
        std::vector<std::string> all;
        for (const auto& info : notifier.told) all.push_back(info.alert);
        return all;
    }

    boost::asio::io_context loop;
    testing::FakeClock clock;
    engine::Health health;
    testing::RecordingNotifier notifier;
    std::vector<std::string> sent;
    Alerts alerts{clock, health, notifier,
                  [this](const std::string& about, const std::string&) { sent.push_back(about); }};
};

TEST_F(AlertsTest, ARefusedConfigurationIsToldOncePerReason) {
    alerts.configuration_refused("scripts.json:3:1: error: one");
    alerts.configuration_refused("scripts.json:3:1: error: one");
    ASSERT_THAT(notifier.told, SizeIs(1));
    const engine::FailureInfo& info = notifier.told[0];
    EXPECT_EQ(info.kind, engine::FailureInfo::Kind::alert);
    EXPECT_EQ(info.alert, "configuration-refused");
    EXPECT_EQ(info.task, "");
    EXPECT_THAT(info.reason, HasSubstr("error: one"));
    EXPECT_EQ(info.at, clock.wall_now());
    alerts.configuration_refused("scripts.json:4:1: error: two");
    EXPECT_THAT(notifier.told, SizeIs(2));
    EXPECT_THAT(sent, ElementsAre("configuration-refused", "configuration-refused"));
}

TEST_F(AlertsTest, AMistakeThatIsMadeAgainIsToldAgain) {
    alerts.configuration_refused("one");
    alerts.configuration_taken();
    alerts.configuration_refused("one");
    EXPECT_THAT(notifier.told, SizeIs(2));
}

TEST_F(AlertsTest, AProblemIsToldWhenItComes_ByItsKind) {
    clock.advance(1min);
    EXPECT_THAT(notifier.told, IsEmpty());
    health.degrade("store", "the disk is full; what was kept in reserve is in use");
    health.degrade("output", "captured output cannot be kept in \"/x\": No space left on device");
    health.degrade("descriptors", "the keeper has 980 of 1024 descriptors open");
    health.degrade("api", "socket: Permission denied");
    health.degrade("configuration", "told by another way");
    clock.advance(Alerts::look_every);
    EXPECT_THAT(kinds(), ElementsAre("degraded", "descriptors-short", "low-disk", "low-disk"));
    clock.advance(10h);
    EXPECT_THAT(notifier.told, SizeIs(4)) << "one that lasts is told once";
}

TEST_F(AlertsTest, AProblemThatGoesAndComesIsToldOnceAnHour) {
    for (int i = 0; i < 360; ++i) {
        health.degrade("store", "the disk is full");
        clock.advance(15s);
        health.recover("store");
        clock.advance(15s);
    }
    EXPECT_THAT(notifier.told, SizeIs(3));
}

TEST_F(AlertsTest, ADaemonThatDiesAgainAndAgainIsToldOnceAnHour) {
    alerts.daemon_restarted("daemon 2");
    alerts.daemon_restarted("daemon 3");
    EXPECT_THAT(kinds(), ElementsAre("daemon-restarted"));
    clock.advance(1h);
    alerts.daemon_restarted("daemon 4");
    EXPECT_THAT(notifier.told, SizeIs(2));
}

TEST_F(AlertsTest, WhatAnEarlierDaemonSentIsNotSentAgain) {
    alerts.remember("daemon-restarted", "x", clock.wall_now() - 1min);
    alerts.remember("configuration-refused", "one\nand what else it said", clock.wall_now() - 9h);
    alerts.remember("store", "the disk is full", clock.wall_now() - 1min);
    health.degrade("store", "the disk is full");
    alerts.daemon_restarted("daemon 3");
    alerts.configuration_refused("one");
    clock.advance(1min);
    EXPECT_THAT(notifier.told, IsEmpty());
}

TEST_F(AlertsTest, WhereTheyAreNotWantedNothingIsSent_AndWhatLastsWhenTheyAre) {
    alerts.use(false);
    health.degrade("store", "the disk is full");
    alerts.configuration_refused("one");
    alerts.daemon_restarted("daemon 2");
    clock.advance(1h);
    EXPECT_THAT(notifier.told, IsEmpty());
    alerts.use(true);
    EXPECT_THAT(kinds(), ElementsAre("low-disk"));
}

}  // namespace
}  // namespace bansuri::notify
