// SPDX-License-Identifier: MIT
//
// What every run store promises the engine. A store's own test instantiates it with a factory.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "engine/run_store.hpp"
#include "support/task_builder.hpp"

namespace bansuri::testing {

/// How a suite gets at a store and at what it recorded.
class StoreUnderTest {
  public:
    virtual ~StoreUnderTest() = default;
    virtual engine::RunStore& store() = 0;
    /// The next daemon of the same session opens what this one left.
    virtual void reopen() = 0;
    /// Returns when all that was told can be read, and has been answered.
    virtual void settle() = 0;

    /// The outcome of a finished run; nothing while it is alive.
    virtual std::optional<Outcome> outcome(const std::string& task, engine::RunId run) = 0;
    virtual std::size_t attempts(const std::string& task) = 0;
    virtual std::uint64_t skipped(const std::string& task) = 0;
};

using StoreFactory = std::function<std::unique_ptr<StoreUnderTest>(boost::asio::io_context& loop)>;

inline constexpr WallTime noon = WallTime(std::chrono::hours(12));

/// Runs `awaitable` on the loop until it has its answer.
template <class Answer>
Answer answer_of(boost::asio::io_context& loop, boost::asio::awaitable<Answer> awaitable) {
    std::optional<Answer> answer;
    boost::asio::co_spawn(loop, std::move(awaitable),
                          [&answer](std::exception_ptr bug, Answer given) {
                              if (bug) std::rethrow_exception(bug);
                              answer = std::move(given);
                          });
    loop.restart();
    while (!answer && loop.run_one() > 0) continue;
    return std::move(answer).value();
}

class RunStoreContract : public ::testing::TestWithParam<StoreFactory> {
  protected:
    RunStoreContract() : under_test(GetParam()(loop)) {}

    engine::RunStore& store() { return under_test->store(); }

    Result<engine::RunId> claim(const std::shared_ptr<const Task>& task, WallTime instant,
                                engine::RunOrigin origin = engine::RunOrigin::schedule) {
        return claim({task, {instant, std::nullopt}, {}, origin, instant});
    }
    Result<engine::RunId> claim(engine::Claim wanted) {
        return answer_of(loop, store().claim(std::move(wanted)));
    }
    Result<engine::RunId> claim(const std::string& name, WallTime instant) {
        return claim(task(name).build(), instant);
    }
    /// What the next daemon of the session finds.
    engine::Recovery left() {
        under_test->reopen();
        return answer_of(loop, store().recover());
    }
    static engine::TaskProgress progress(const engine::Recovery& left, const std::string& task) {
        for (const auto& progress : left.tasks) {
            if (progress.task == task) return progress;
        }
        ADD_FAILURE() << "nothing is known of " << task;
        return {};
    }
    engine::TaskProgress progress(const std::string& task) { return progress(left(), task); }

    boost::asio::io_context loop;
    std::unique_ptr<StoreUnderTest> under_test;
};

}  // namespace bansuri::testing
