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

namespace bansuri::testing {

/// How a suite gets at a store and at what it recorded.
struct StoreUnderTest {
    std::unique_ptr<engine::RunStore> store;
    /// The outcome of a finished run; nothing while it is alive.
    std::function<std::optional<Outcome>(const std::string& task, engine::RunId)> outcome;
    std::function<std::size_t(const std::string& task)> attempts;
    std::function<std::uint64_t(const std::string& task)> skipped;
};

class RunStoreContract : public ::testing::TestWithParam<std::function<StoreUnderTest()>> {
  protected:
    RunStoreContract() : under_test(GetParam()()), store(*under_test.store) {}

    Result<engine::RunId> claim(const std::string& task, WallTime instant) {
        std::optional<Result<engine::RunId>> answer;
        boost::asio::co_spawn(loop, store.claim(task, instant),
                              [&](std::exception_ptr bug, Result<engine::RunId> claimed) {
                                  ASSERT_FALSE(bug);
                                  answer = std::move(claimed);
                              });
        loop.restart();
        loop.run();
        return answer.value();
    }

    boost::asio::io_context loop;
    StoreUnderTest under_test;
    engine::RunStore& store;
};

}  // namespace bansuri::testing
