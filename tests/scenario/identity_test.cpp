// SPDX-License-Identifier: MIT
//
// What a start has to ask the machine first: accounts and files of variables.
#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;

class IdentityTest : public SimulatedWorld {
  protected:
    static engine::StartFacts facts() {
        engine::Account account;
        account.name = "www-data";
        account.home = "/var/www";
        account.shell = "/bin/sh";
        account.user = 33;
        account.group = 33;
        return {account, {{"FROM", "file"}, {"HOME", "/of/file"}}};
    }
};

TEST_F(IdentityTest, GivenAUser_ThenItIsAskedForAtEachStart) {
    lookup.answer = [](const Task&) { return facts(); };
    start(task("a").every(1h).user("www-data"));
    clock.advance(1h);
    EXPECT_EQ(lookup.asked, 2);
    const engine::LaunchSpec& spec = launcher.specs().back();
    ASSERT_TRUE(spec.account);
    EXPECT_EQ(spec.account->user, 33U);
    EXPECT_THAT(spec.environment, AllOf(Contains("USER=www-data"), Contains("LOGNAME=www-data"),
                                        Contains("HOME=/of/file"), Contains("FROM=file")));
}

TEST_F(IdentityTest, GivenATaskWithoutAUser_ThenNobodyIsAsked) {
    start(task("a"));
    EXPECT_EQ(lookup.asked, 0);
    EXPECT_FALSE(launcher.specs().back().account);
}

TEST_F(IdentityTest, GivenNoSuchUser_ThenTheRunFailsWithTheReasonAndIsRetried) {
    bool exists = false;
    lookup.answer = [&exists](const Task&) -> Result<engine::StartFacts> {
        if (exists) return facts();
        return fail(ErrorCode::cannot_start, "user \"x\": there is no user of this name");
    };
    start(task("a").user("x").retries(0).restart_delay(1min));
    EXPECT_EQ(state("a"), TaskState::restarting);
    EXPECT_EQ(run_count("a"), 0u);
    exists = true;
    clock.advance(1min);
    EXPECT_EQ(run_count("a"), 1u);
    EXPECT_EQ(state("a"), TaskState::success);
}

TEST_F(IdentityTest, GivenAnAnswerThatTakesLong_WhenTheTaskIsStopped_ThenNothingIsStarted) {
    lookup.holds_back = true;
    start(task("a").user("x"));
    EXPECT_EQ(run_count("a"), 0u);
    configure({});
    lookup.holds_back = false;
    lookup.released.notify();
    clock.settle();
    EXPECT_EQ(run_count("a"), 0u);
    EXPECT_THAT(outcomes("a"), ElementsAre(Outcome::stopped));
}

TEST_F(IdentityTest, GivenALimitThatIsNotEnforced_ThenItIsSaidOnceAndShown) {
    start(task("a").cpu(1.5), task("b").cpu(1.5), task("c"));
    std::vector<engine::LimitNotEnforced> said;
    for (const engine::Event& event : heard) {
        if (const auto* limit = std::get_if<engine::LimitNotEnforced>(&event)) {
            said.push_back(*limit);
        }
    }
    ASSERT_EQ(said.size(), 1u);
    EXPECT_EQ(said[0].what, "cpu: not on this machine");
    EXPECT_EQ(said[0].task, "a");
    EXPECT_EQ(said[0].tasks, 2u);
    EXPECT_THAT(engine->status({"b"}).at(0).shortcomings, ElementsAre("cpu: not on this machine"));
    EXPECT_TRUE(engine->status({"c"}).at(0).shortcomings.empty());
}

}  // namespace
}  // namespace bansuri::testing
