// SPDX-License-Identifier: MIT
//
// What waits to be written is bounded, however long it waits.
#include "store/backlog.hpp"

#include <gtest/gtest.h>

#include "support/task_builder.hpp"

namespace bansuri::store {
namespace {

using namespace std::chrono_literals;
using testing::task;

constexpr WallTime noon = WallTime(12h);

class BacklogTest : public ::testing::Test {
  protected:
    BacklogTest() { bounds.operations = 100; }

    void look_and_trim() {
        backlog.look_through([](ClaimOperation&, bool) {}, [this] { return ++last_id; });
        backlog.trim(bounds, tokens);
    }
    template <class Kind>
    std::vector<Kind> all() {
        std::vector<Kind> found;
        for (std::size_t i = 0; i < backlog.size(); ++i) {
            if (const auto* one = std::get_if<Kind>(&backlog[i])) found.push_back(*one);
        }
        return found;
    }

    Backlog backlog;
    SqliteOptions::Bounds bounds;
    Backlog::Tokens tokens;
    engine::RunId last_id = 0;
};

TEST_F(BacklogTest, InstantsAreNotRememberedForEver) {
    const auto a = task("a").build();
    for (int i = 0; i < 5000; ++i) {
        backlog.push(SkippedOperation{a, {noon + i * 1s, noon + i * 1s, 1, false, "x"}, {}, noon});
        look_and_trim();
        ASSERT_LE(backlog.size(), 111u);
        ASSERT_LE(backlog.instants(), 250u);
    }
    const auto passed = all<PassedOperation>();
    ASSERT_EQ(passed.size(), 1u);
    EXPECT_EQ(passed[0].first, noon);
}

TEST_F(BacklogTest, WhatIsPastIsNotForgottenForAnEarlierInstantThatCameLater) {
    const auto a = task("a").build();
    backlog.push(SkippedOperation{a, {noon + 1h, noon + 1h, 1, false, "x"}, {}, noon});
    backlog.push(ClaimOperation{{a, {noon, {}}, {}, {}, noon}, {}, 7});
    backlog.push(FinishOperation{7, "a", {}, noon, {}});
    for (int i = 0; i < 200; ++i) backlog.push(RememberOperation{"b" + std::to_string(i), {}});
    look_and_trim();
    const auto passed = all<PassedOperation>();
    ASSERT_EQ(passed.size(), 1u);
    EXPECT_EQ(passed[0].first, noon);
    EXPECT_EQ(passed[0].last, noon + 1h);
    EXPECT_EQ(passed[0].accounted, (engine::Due{noon + 1h, {}}));
}

TEST_F(BacklogTest, OneSessionWaitsAndItIsFirst) {
    backlog.push(ReserveIdsOperation{1});
    backlog.push(SessionOperation{5, noon});
    backlog.push(ReserveIdsOperation{2});
    for (int i = 0; i < 1000; ++i) backlog.push_session({5, noon + i * 1s});
    EXPECT_LE(backlog.size(), 4u);
    EXPECT_EQ(all<SessionOperation>().size(), 1u);
    ASSERT_TRUE(std::holds_alternative<SessionOperation>(backlog[0]));
    EXPECT_EQ(std::get<SessionOperation>(backlog[0]).at, noon + 999s);
}

TEST_F(BacklogTest, OfARunThatIsAliveTheLatestAttemptIsKept) {
    backlog.push(ClaimOperation{{task("a").build(), {noon, {}}, {}, {}, noon}, {}, 7});
    for (std::uint32_t attempt = 1; attempt <= 3000; ++attempt) {
        backlog.push(AttemptStartedOperation{7, attempt, {}});
        backlog.push(AttemptEndedOperation{7, attempt, {}, std::make_shared<int>()});
        look_and_trim();
        ASSERT_LE(backlog.size(), 112u);
    }
    EXPECT_EQ(all<ClaimOperation>().size(), 1u);
    EXPECT_EQ(all<AttemptStartedOperation>().back().attempt, 3000u);
    EXPECT_EQ(all<AttemptEndedOperation>().back().attempt, 3000u);
}

TEST_F(BacklogTest, WhatIsReplacedGoesAndItsLatestStays) {
    const auto a = task("a").build();
    for (unsigned i = 1; i <= 3000; ++i) {
        backlog.push(UseOperation{{i, 1}, Durability::full});
        backlog.push(ReserveIdsOperation{3001 - i});
        backlog.push(ForgetOperation{"a"});
        backlog.push(KnowOperation{{a}, noon});
        backlog.push(RememberOperation{"a", {i, {}, {}, {}, {}}});
        look_and_trim();
        ASSERT_LE(backlog.size(), 115u);
    }
    EXPECT_EQ(all<UseOperation>().back().retention.days, 3000u);
    EXPECT_EQ(all<ReserveIdsOperation>().front().run, 3000u);
    EXPECT_EQ(all<RememberOperation>().back().memory.successes, 3000u);
    EXPECT_TRUE(std::holds_alternative<KnowOperation>(backlog[backlog.size() - 2]));
}

}  // namespace
}  // namespace bansuri::store
