// SPDX-License-Identifier: MIT
//
// The notifier's bounds, on fake processes. (The message is composed on a thread, so these tests
// wait for it on the real clock, as long as it takes.)
#include "notify/command_notifier.hpp"

#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::notify {
namespace {

using namespace std::chrono_literals;
using testing::Behaviour;
using ::testing::Contains;
using ::testing::HasSubstr;

class CommandNotifierTest : public ::testing::Test {
  protected:
    CommandNotifierTest()
        : clock(loop, testing::utc("2026-01-01T00:00:00")), launcher(loop, clock) {
        notifier.use({"mail {task}", "/srv", TimeZone()});
    }
    void script(Behaviour behaviour) {
        for (int i = 0; i < 300; ++i) launcher.script("t" + std::to_string(i), {behaviour});
    }
    void notify(int count) {
        for (int i = 0; i < count; ++i) {
            engine::FailureInfo info;
            info.task = "t" + std::to_string(i);
            info.status = ExitStatus::exited(1);
            notifier.notify(info);
        }
    }
    void until(const std::function<bool()>& reached) {
        const auto limit = std::chrono::steady_clock::now() + 30s;
        while (!reached() && std::chrono::steady_clock::now() < limit) {
            loop.restart();
            loop.run_for(1ms);
            clock.settle();
        }
        ASSERT_TRUE(reached());
    }

    boost::asio::io_context loop;
    testing::FakeClock clock;
    testing::FakeLauncher launcher;
    std::vector<std::string> reports;
    CommandNotifier notifier{loop.get_executor(),
                             clock,
                             launcher,
                             {"PATH=/bin"},
                             [this](const std::string& task, const std::string& error) {
                                 reports.push_back(task + ": " + error);
                             }};
};

TEST_F(CommandNotifierTest, TheCommandGetsTheMessageItsPlaceholdersAndTheFacts) {
    script({});
    notify(1);
    until([&] { return reports.size() == 1; });
    EXPECT_EQ(reports[0], "t0: ");
    const engine::LaunchSpec& spec = launcher.specs()[0];
    EXPECT_THAT(spec.argv, ::testing::ElementsAre("/bin/sh", "-c", "mail t0"));
    EXPECT_EQ(spec.working_directory, "/srv");
    EXPECT_THAT(*spec.standard_input, HasSubstr("Task:      t0\n"));
    EXPECT_THAT(spec.environment, Contains("BANSURI_EXIT_CODE=1"));
    EXPECT_THAT(spec.environment, Contains("BANSURI_OUTCOME=FAILED"));
}

TEST_F(CommandNotifierTest, OnlyFourAreSentAtOnce) {
    script({.takes = 1s});
    notify(20);
    until([&] { return launcher.specs().size() == 4; });
    clock.advance(1s);
    until([&] { return launcher.specs().size() == 8; });
    clock.advance(100s);
}

TEST_F(CommandNotifierTest, AQueueThatIsFullDropsAndSaysSo) {
    script({.takes = 1s});
    notify(200);
    EXPECT_EQ(reports.size(), 96u);  // four are being sent, a hundred wait
    EXPECT_THAT(reports[0], HasSubstr("notification dropped"));
}

TEST_F(CommandNotifierTest, ANotifierThatHangsIsEndedAfterThirtySeconds) {
    script({.takes = 24h, .ignores_term = true});
    notify(1);
    until([&] { return launcher.specs().size() == 1; });
    clock.advance(29s);
    EXPECT_TRUE(reports.empty());
    clock.advance(1s);
    until([&] { return reports.size() == 1; });
    EXPECT_THAT(reports[0], HasSubstr("ran longer than 30s"));
}

TEST_F(CommandNotifierTest, AFailureIsReportedWithWhatTheCommandSaid) {
    script({.ends = ExitStatus::exited(67), .says = "mail: cannot send"});
    notify(1);
    until([&] { return reports.size() == 1; });
    EXPECT_THAT(reports[0], HasSubstr("exit code 67: mail: cannot send"));
}

TEST_F(CommandNotifierTest, AbandonEndsWhatIsBeingSentAndForgetsTheRest) {
    script({.takes = 24h});
    notify(20);
    until([&] { return launcher.specs().size() == 4; });
    notifier.abandon();
    until([&] { return reports.size() == 4; });
    EXPECT_EQ(launcher.specs().size(), 4u);
}

}  // namespace
}  // namespace bansuri::notify
