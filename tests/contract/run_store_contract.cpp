// SPDX-License-Identifier: MIT
#include "contract/run_store_contract.hpp"

#include <vector>

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using engine::RunId;
using engine::RunOrigin;

MonoTime tick(Duration since_boot) { return MonoTime(since_boot); }

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

TEST_P(RunStoreContract, ASkippedInstantIsNotClaimedAnyMore) {
    store().skipped(task("a").build(), {noon, noon, 1, false, "overlap"}, {}, noon);
    const auto late = claim("a", noon);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::already_claimed);
}

TEST_P(RunStoreContract, NoneOfTheInstantsSkippedForOneReasonIsClaimedAnyMore) {
    const auto a = task("a").build();
    for (int i = 0; i < 3; ++i) {
        store().skipped(a, {noon + i * 1s, noon + i * 1s, 1, false, "overlap"}, {}, noon);
    }
    for (int i = 0; i < 3; ++i) EXPECT_FALSE(claim(a, noon + i * 1s)) << i;
    EXPECT_TRUE(claim(a, noon + 3s));
    under_test->settle();
    EXPECT_EQ(under_test->skipped("a"), 3u);
}

TEST_P(RunStoreContract, ClaimsAreAnsweredInTheirOrderWithRisingIds) {
    std::vector<RunId> ids;
    for (int i = 0; i < 100; ++i) {
        boost::asio::co_spawn(
            loop, store().claim({task("a").build(), {noon + i * 1s, {}}, {}, {}, noon}),
            [&](std::exception_ptr, Result<RunId> run) { ids.push_back(run.value()); });
    }
    loop.restart();
    while (ids.size() < 100 && loop.run_one() > 0) continue;
    ASSERT_EQ(ids.size(), 100u);
    for (std::size_t i = 1; i < ids.size(); ++i) EXPECT_GT(ids[i], ids[i - 1]);
}

TEST_P(RunStoreContract, ARunIsAliveUntilItIsFinished) {
    const RunId run = claim("a", noon).value();
    under_test->settle();
    EXPECT_EQ(under_test->outcome("a", run), std::nullopt);
    store().attempt_started(run, 1, {{4711, 1, 0, 0}, noon});
    engine::AttemptResult result;
    result.outcome = Outcome::timeout;
    store().attempt_ended(run, 1, {result, noon}, nullptr);
    under_test->settle();
    EXPECT_EQ(under_test->outcome("a", run), std::nullopt);
    store().finish(run, "a", result, noon, {});
    under_test->settle();
    EXPECT_EQ(under_test->outcome("a", run), Outcome::timeout);
}

TEST_P(RunStoreContract, EveryAttemptHasOneRecordAlsoIfItNeverStarted) {
    const RunId run = claim("a", noon).value();
    store().attempt_started(run, 1, {{4711, 1, 0, 0}, noon});
    store().attempt_ended(run, 1, {}, nullptr);
    store().attempt_ended(run, 2, {}, nullptr);
    under_test->settle();
    EXPECT_EQ(under_test->attempts("a"), 2u);
}

TEST_P(RunStoreContract, SkippedInstantsAreRecordedWithTheirCount) {
    store().skipped(task("a").build(), {noon, noon, 1, false, "overlap"}, {}, noon);
    store().skipped(task("a").build(), {noon + 1s, noon + 41s, 41, false, "missed"}, {}, noon);
    under_test->settle();
    EXPECT_EQ(under_test->skipped("a"), 42u);
}

TEST_P(RunStoreContract, OfSkippedInstantsOnlyThoseWithoutARecordAreRecorded) {
    ASSERT_TRUE(claim("a", noon));
    store().skipped(task("a").build(), {noon, noon, 1, false, "missed"}, {}, noon);
    under_test->settle();
    EXPECT_EQ(under_test->skipped("a"), 0u);
    store().skipped(task("a").build(), {noon, noon + 9s, 10, false, "missed"}, {}, noon);
    under_test->settle();
    EXPECT_EQ(under_test->skipped("a"), 9u);
}

// ---- what the next daemon finds
// ------------------------------------------------------------------

TEST_P(RunStoreContract, ARunWithoutAnEndIsLeftWithAllThatIsKnownOfIt) {
    const RunId claimed =
        claim({task("a").build(), {noon, tick(9s)}, {}, RunOrigin::catch_up, noon}).value();
    const RunId running = claim("b", noon).value();
    const engine::AttemptStart start{{4711, 99, 12, 13}, noon + 1s,   tick(10s), 100, 200,
                                     "/var/log/a",       "/var/log/b"};
    store().attempt_started(running, 1, start);
    const auto left = this->left();
    EXPECT_TRUE(left.same_session);
    ASSERT_EQ(left.runs.size(), 2u);
    EXPECT_EQ(left.runs[0].id, claimed);
    EXPECT_TRUE(left.runs[0].same_session);
    EXPECT_TRUE(left.runs[0].same_boot);
    EXPECT_EQ(left.runs[0].task, "a");
    EXPECT_EQ(left.runs[0].due, (engine::Due{noon, tick(9s)}));
    EXPECT_EQ(left.runs[0].origin, RunOrigin::catch_up);
    EXPECT_FALSE(left.runs[0].last);
    ASSERT_TRUE(left.runs[1].last);
    const auto& last = *left.runs[1].last;
    EXPECT_EQ(last.number, 1u);
    EXPECT_FALSE(last.end);
    ASSERT_TRUE(last.start);
    EXPECT_EQ(last.start->process, start.process);
    EXPECT_EQ(last.start->at, start.at);
    EXPECT_EQ(last.start->begun, start.begun);
    EXPECT_EQ(last.start->output_offset, 100u);
    EXPECT_EQ(last.start->error_offset, 200u);
    EXPECT_EQ(last.start->output_path, "/var/log/a");
    EXPECT_EQ(last.start->error_path, "/var/log/b");
}

TEST_P(RunStoreContract, ARunBetweenTwoAttemptsIsLeftWithItsRetry) {
    const RunId run = claim("a", noon).value();
    store().attempt_started(run, 1, {{4711, 99, 0, 0}, noon});
    store().attempt_ended(run, 1, {}, nullptr);
    engine::AttemptEnd end;
    end.result = {Outcome::failed, ExitStatus::signalled(11, true), "of itself", 3s};
    end.at = noon + 4s;
    end.retry_at = tick(20s);
    end.survivors = {17, 18};
    end.output_bytes = 7;
    store().attempt_ended(run, 2, end, nullptr);
    const auto left = this->left();
    ASSERT_EQ(left.runs.size(), 1u);
    const auto& last = left.runs[0].last.value();
    EXPECT_EQ(last.number, 2u);
    EXPECT_FALSE(last.start) << "it never started";
    ASSERT_TRUE(last.end);
    EXPECT_EQ(last.end->result.outcome, Outcome::failed);
    EXPECT_EQ(last.end->result.status, ExitStatus::signalled(11, true));
    EXPECT_EQ(last.end->result.reason, "of itself");
    EXPECT_EQ(last.end->result.elapsed, 3s);
    EXPECT_EQ(last.end->at, end.at);
    EXPECT_EQ(last.end->retry_at, end.retry_at);
    EXPECT_EQ(last.end->survivors, end.survivors);
    EXPECT_EQ(last.end->output_bytes, 7u);
}

TEST_P(RunStoreContract, AFinishedRunIsNotLeft) {
    const RunId run = claim("a", noon).value();
    store().finish(run, "a", {}, noon, {});
    EXPECT_TRUE(left().runs.empty());
}

TEST_P(RunStoreContract, AClaimOutlivesTheDaemon) {
    ASSERT_TRUE(claim("a", noon));
    left();
    EXPECT_FALSE(claim("a", noon));
}

TEST_P(RunStoreContract, ATaskIsAccountedForUpToWhatItWasLastClaimedFor) {
    const auto timer = task("a").every(5min).build();
    const engine::Grid grid{tick(1s), noon};
    ASSERT_TRUE(claim({timer, {noon, tick(1s)}, grid, RunOrigin::schedule, noon}));
    ASSERT_TRUE(claim({timer, {noon + 5min, tick(301s)}, grid, RunOrigin::schedule, noon + 5min}));
    const auto known = progress("a");
    EXPECT_EQ(known.accounted, noon + 5min);
    EXPECT_EQ(known.tick, tick(301s));
    EXPECT_EQ(known.grid, grid);
    EXPECT_EQ(known.schedule, schedule_text(*timer));
}

TEST_P(RunStoreContract, ARunThatSomebodyAskedForAccountsForNothing) {
    ASSERT_TRUE(claim(task("a").build(), noon));
    ASSERT_TRUE(claim(task("a").build(), noon + 1h, RunOrigin::manual));
    EXPECT_EQ(progress("a").accounted, noon);
}

TEST_P(RunStoreContract, SkippedInstantsAccountUpToTheLast) {
    const auto timer = task("a").every(1s).build();
    store().skipped(timer, {noon, noon + 9s, 10, true, "missed", tick(99s)}, {}, noon + 1h);
    const auto known = progress("a");
    EXPECT_EQ(known.accounted, noon + 9s);
    EXPECT_EQ(known.tick, tick(99s));
}

TEST_P(RunStoreContract, WhatWaitsIsLeftOldestFirstAndIsAccountedFor) {
    const auto a = task("a").build();
    store().waits(a, {noon, tick(1s)}, {});
    store().waits(a, {noon + 1min, tick(61s)}, {});
    store().waits(task("b").build(), {noon, std::nullopt}, {});
    const auto left = this->left();
    const std::vector<engine::Due> expected = {{noon, tick(1s)}, {noon + 1min, tick(61s)}};
    EXPECT_EQ(progress(left, "a").waiting, expected);
    EXPECT_EQ(progress(left, "a").accounted, noon + 1min);
    EXPECT_EQ(progress(left, "b").waiting.size(), 1u);
}

TEST_P(RunStoreContract, ClaimingWhatWaitedEndsTheWaitAndAccountsForNothingNew) {
    const auto a = task("a").build();
    store().waits(a, {noon, std::nullopt}, {});
    store().waits(a, {noon + 1min, std::nullopt}, {});
    ASSERT_TRUE(claim(a, noon));
    const auto known = progress("a");
    ASSERT_EQ(known.waiting.size(), 1u);
    EXPECT_EQ(known.waiting[0].instant, noon + 1min);
    EXPECT_EQ(known.accounted, noon + 1min) << "not back to what had waited";
}

TEST_P(RunStoreContract, SkippingWhatWaitedEndsTheWaitAndAccountsForNothingNew) {
    const auto a = task("a").build();
    store().waits(a, {noon, std::nullopt}, {});
    store().waits(a, {noon + 1min, std::nullopt}, {});
    store().skipped(a, {noon, noon, 1, false, "removed"}, {}, noon + 2min);
    const auto known = progress("a");
    EXPECT_EQ(known.waiting.size(), 1u);
    EXPECT_EQ(known.accounted, noon + 1min);
}

TEST_P(RunStoreContract, WhatATaskRemembersComesWithItsRunsEndAndWithoutOne) {
    const engine::TaskMemory memory{3, true, TaskState::timeout,
                                    7, true, {noon, noon + 1h, noon + 2h, noon + 3h, true}};
    const RunId run = claim("a", noon).value();
    store().finish(run, "a", {}, noon, memory);
    EXPECT_EQ(progress("a").memory, memory);
    store().remember("a", {});
    EXPECT_EQ(progress("a").memory, engine::TaskMemory{});
}

TEST_P(RunStoreContract, ATaskIsFollowedSinceItsScheduleBecameKnown) {
    store().know({task("a").cron("0 2 * * *").build()}, noon);
    store().know({task("a").cron("0 2 * * *").build()}, noon + 1h);
    auto known = progress("a");
    EXPECT_EQ(known.since, noon);
    EXPECT_EQ(known.accounted, std::nullopt);
    ASSERT_TRUE(claim(task("a").cron("0 2 * * *").build(), noon + 14h));
    store().know({task("a").cron("0 2 * * *").build()}, noon + 15h);
    known = progress("a");
    EXPECT_EQ(known.accounted, noon + 14h) << "the same schedule keeps what it has";
    store().know({task("a").cron("0 3 * * *").build()}, noon + 20h);
    known = progress("a");
    EXPECT_EQ(known.since, noon + 20h);
    EXPECT_EQ(known.accounted, std::nullopt) << "another schedule begins anew";
    EXPECT_EQ(known.schedule, "0 3 * * * UTC");
}

TEST_P(RunStoreContract, WhatIsToldIsRecordedInItsOrder) {
    const auto old = task("a").cron("0 2 * * *").build();
    const auto changed = task("a").cron("0 3 * * *").build();
    std::vector<std::shared_ptr<const Task>> all = {old};
    for (int i = 0; i < 3000; ++i) all.push_back(task("other-" + std::to_string(i)).build());
    store().know(all, noon);
    store().skipped(old, {noon + 1h, noon + 1h, 1, false, "overlap"}, {}, noon);
    all.front() = changed;
    store().know(all, noon + 2h);
    store().waits(changed, {noon + 3h, std::nullopt}, {});
    const auto known = progress("a");
    EXPECT_EQ(known.since, noon + 2h);
    EXPECT_EQ(known.accounted, noon + 3h);
    EXPECT_EQ(known.schedule, schedule_text(*changed));
}

TEST_P(RunStoreContract, ARunThatTheStoreHasLostIsTakenBackUnderItsId) {
    const auto a = task("a").build();
    store().reclaim(500, {a, {noon, std::nullopt}, {}, RunOrigin::schedule, noon});
    const auto again = claim(a, noon);
    EXPECT_FALSE(again) << "its instant has its run";
    EXPECT_GT(claim(a, noon + 1h).value(), 500u);
    const auto left = this->left();
    ASSERT_EQ(left.runs.size(), 2u);
    EXPECT_EQ(left.runs[0].id, 500u);
}

TEST_P(RunStoreContract, NoNewRunGetsAReservedId) {
    store().reserve_ids(1000);
    store().reserve_ids(10);
    EXPECT_GT(claim("a", noon).value(), 1000u);
}

TEST_P(RunStoreContract, TheKeeperMayForgetAnAttemptWhenItsEndIsRecorded) {
    const RunId run = claim("a", noon).value();
    auto token = std::make_shared<int>(0);
    const std::weak_ptr<int> held = token;
    store().attempt_ended(run, 1, {}, std::exchange(token, nullptr));
    under_test->settle();
    EXPECT_TRUE(held.expired());
    EXPECT_EQ(under_test->attempts("a"), 1u);
}

}  // namespace
}  // namespace bansuri::testing
