// SPDX-License-Identifier: MIT
#include "engine/inheritance.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "engine/attempt_label.hpp"

namespace bansuri::engine {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

UnfinishedRun run(RunId id, std::optional<UnfinishedRun::LastAttempt> last = std::nullopt) {
    return {id, "t", {}, RunOrigin::schedule, std::move(last), true, true};
}
UnfinishedRun::LastAttempt begun(std::uint32_t number) {
    return {number, AttemptStart{}, std::nullopt};
}
UnfinishedRun::LastAttempt ended(std::uint32_t number) {
    return {number, AttemptStart{}, AttemptEnd{}};
}
HeldAttempt held(RunId id, std::uint32_t attempt, const std::string& task = "t") {
    return {{id, attempt}, {}, encode({task, {}, {}, {}, {}})};
}
Recovery recovery(std::vector<UnfinishedRun> runs, RunId last_id = 100) {
    Recovery left;
    left.same_session = true;
    left.last_id = last_id;
    left.runs = std::move(runs);
    return left;
}

/// A keeper that gives one answer to all adoptions.
struct Adopter final : ProcessLauncher {
    explicit Adopter(ErrorCode answer) : code(answer) {}
    boost::asio::awaitable<Result<std::unique_ptr<Process>>> start(LaunchSpec, OutputSink&,
                                                                   std::function<void()>) override {
        co_return fail(ErrorCode::cannot_start, "");
    }
    boost::asio::awaitable<std::vector<HeldAttempt>> held() override {
        co_return std::vector<HeldAttempt>();
    }
    std::unique_ptr<Process> take_over(AttemptId, OutputSink&, std::function<void()>) override {
        return nullptr;
    }
    std::vector<std::string> shortcomings(const Isolation&) const override { return {}; }
    boost::asio::awaitable<Result<void>> adopt(AdoptSpec spec) override {
        asked.push_back(spec.id);
        co_return fail(code, "adopt: Too many open files");
    }
    ErrorCode code;
    std::vector<AttemptId> asked;
};

Result<void> adopt_all(Adopter& adopter, const Recovery& left, std::vector<HeldAttempt> all = {}) {
    boost::asio::io_context loop;
    Result<void> answer;
    const Configuration none;
    boost::asio::co_spawn(
        loop, adopt_what_lives(adopter, left, none, all),
        [&answer](const std::exception_ptr&, Result<void> told) { answer = std::move(told); });
    loop.run();
    return answer;
}

TEST(Adoption, GivenAnErrorThatDoesNotSayWhetherItLives_ThenNothingIsConcluded) {
    Adopter gone(ErrorCode::not_found);
    EXPECT_TRUE(adopt_all(gone, recovery({run(7, begun(1)), run(8, begun(1))})));
    EXPECT_THAT(gone.asked, SizeIs(2));
    for (const ErrorCode code : {ErrorCode::io, ErrorCode::unreachable}) {
        Adopter silent(code);
        const auto answer = adopt_all(silent, recovery({run(7, begun(1)), run(8, begun(1))}));
        ASSERT_FALSE(answer);
        EXPECT_EQ(answer.error().code, code);
        EXPECT_EQ(answer.error().message, "adopt: Too many open files");
    }
}

TEST(Adoption, GivenADaemonThatDidNotGetToTheEndOfIt_ThenTheNextOneAsksForTheRest) {
    Adopter keeper(ErrorCode::not_found);
    adopt_all(keeper, recovery({run(7, begun(1)), run(8, begun(2)), run(9, ended(1))}),
              {held(7, 1)});
    EXPECT_THAT(keeper.asked, ElementsAre(AttemptId{8, 2}));
}

TEST(Inheritance, ARunTakesTheAttemptThatTheKeeperHolds) {
    Inheritance all(recovery({run(7, begun(2))}), {held(7, 2)}, true);
    const auto share = all.take("t");
    ASSERT_THAT(share.runs, SizeIs(1));
    ASSERT_THAT(share.runs[0].held, SizeIs(1));
    EXPECT_EQ(share.runs[0].held[0].id, (AttemptId{7, 2}));
    EXPECT_THAT(all.to_release(), IsEmpty());
    EXPECT_FALSE(all.reclaims(7));
    EXPECT_THAT(all.take("t").runs, IsEmpty()) << "taken once";
}

TEST(Inheritance, AnAttemptWhoseEndIsRecordedIsReleased) {
    Inheritance all(recovery({run(7, ended(1))}), {held(7, 1)}, true);
    EXPECT_THAT(all.to_release(), ElementsAre(AttemptId{7, 1}));
    EXPECT_THAT(all.take("t").runs.at(0).held, IsEmpty());
}

TEST(Inheritance, AnAttemptThatWasStartedAfterTheLastCommitIsTaken) {
    Inheritance all(recovery({run(7, ended(1)), run(8)}), {held(7, 1), held(7, 2), held(8, 1)},
                    true);
    EXPECT_THAT(all.to_release(), ElementsAre(AttemptId{7, 1}));
    const auto share = all.take("t");
    EXPECT_EQ(share.runs.at(0).held.at(0).id, (AttemptId{7, 2}));
    EXPECT_EQ(share.runs.at(1).held.at(0).id, (AttemptId{8, 1}));
}

TEST(Inheritance, TwoAttemptsOfARunAreTakenInOrderIfTheFirstOnesEndWasNotRecorded) {
    Inheritance all(recovery({run(7, begun(1))}), {held(7, 2), held(7, 1)}, true);
    const auto share = all.take("t");
    ASSERT_THAT(share.runs.at(0).held, SizeIs(2));
    EXPECT_EQ(share.runs[0].held[0].id.attempt, 1u);
    EXPECT_EQ(share.runs[0].held[1].id.attempt, 2u);
}

TEST(Inheritance, AnAttemptOfAFinishedRunIsReleased) {
    Inheritance all(recovery({}, 50), {held(50, 1)}, true);
    EXPECT_THAT(all.to_release(), ElementsAre(AttemptId{50, 1}));
    EXPECT_THAT(all.take("t").runs, IsEmpty());
}

TEST(Inheritance, ARunThatTheStoreHasLostIsKnownFromItsLabel) {
    Inheritance all(recovery({}, 3), {held(50, 2, "lost")}, true);
    EXPECT_EQ(all.highest_held(), 50u);
    EXPECT_TRUE(all.reclaims(50));
    const auto share = all.take("lost");
    ASSERT_THAT(share.runs, SizeIs(1));
    EXPECT_EQ(share.runs[0].record.last->number, 2u);
    EXPECT_TRUE(share.runs[0].record.same_session);
}

TEST(Inheritance, WhatIsNoRunsIsReleased) {
    HeldAttempt notifier{{RunId{1} << 63, 0}, {}, ""};
    Inheritance all(recovery({}), {notifier}, true);
    EXPECT_THAT(all.to_release(), ElementsAre(notifier.id));
    EXPECT_EQ(all.highest_held(), 0u);
}

TEST(Inheritance, WithAnEmptyStoreUnderAnOldKeeperNothingTellsWhetherOnceTasksHaveRun) {
    Recovery empty;
    EXPECT_TRUE(Inheritance(empty, {}, true).once_tasks_unknown());
    EXPECT_FALSE(Inheritance(empty, {}, false).once_tasks_unknown());
    EXPECT_FALSE(Inheritance(recovery({}), {}, true).once_tasks_unknown());
}

}  // namespace
}  // namespace bansuri::engine
