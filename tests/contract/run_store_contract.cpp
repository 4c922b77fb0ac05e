// SPDX-License-Identifier: MIT
#include "contract/run_store_contract.hpp"

namespace bansuri::testing {
namespace {

constexpr WallTime noon = WallTime(std::chrono::hours(12));

TEST_P(RunStoreContract, AnInstantOfATaskIsClaimedOnce) {
    ASSERT_TRUE(claim("a", noon));
    const auto again = claim("a", noon);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::already_claimed);
}

TEST_P(RunStoreContract, OtherTasksAndOtherInstantsAreClaimsOfTheirOwn) {
    const auto a = claim("a", noon);
    const auto b = claim("b", noon);
    const auto later = claim("a", noon + Duration(1));
    ASSERT_TRUE(a && b && later);
    EXPECT_NE(*a, *b);
    EXPECT_NE(*a, *later);
}

TEST_P(RunStoreContract, ARunIsAliveUntilItIsFinished) {
    const engine::RunId run = claim("a", noon).value();
    EXPECT_EQ(under_test.outcome("a", run), std::nullopt);
    store.attempt_started(run, 1, 4711, noon);
    engine::AttemptResult result;
    result.outcome = Outcome::timeout;
    store.attempt_ended(run, 1, result, noon);
    EXPECT_EQ(under_test.outcome("a", run), std::nullopt);
    store.finish(run, result, noon);
    EXPECT_EQ(under_test.outcome("a", run), Outcome::timeout);
}

TEST_P(RunStoreContract, EveryAttemptHasOneRecordAlsoIfItNeverStarted) {
    const engine::RunId run = claim("a", noon).value();
    store.attempt_started(run, 1, 4711, noon);
    store.attempt_ended(run, 1, {}, noon);
    store.attempt_ended(run, 2, {}, noon);
    EXPECT_EQ(under_test.attempts("a"), 2u);
}

TEST_P(RunStoreContract, SkippedInstantsAreRecordedWithTheirCount) {
    store.skipped("a", {noon, noon, 1, false, "overlap"});
    store.skipped("a", {noon, noon, 41, false, "missed"});
    EXPECT_EQ(under_test.skipped("a"), 42u);
}

}  // namespace
}  // namespace bansuri::testing
