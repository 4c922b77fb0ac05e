// SPDX-License-Identifier: MIT
#include "store/memory_run_store.hpp"

#include "contract/run_store_contract.hpp"

namespace bansuri::testing {
namespace {

StoreUnderTest memory_store() {
    auto made = std::make_unique<store::MemoryRunStore>();
    store::MemoryRunStore* const store = made.get();
    return {std::move(made),
            [store](const std::string& task, engine::RunId id) -> std::optional<Outcome> {
                for (const auto& run : store->runs(task)) {
                    if (run.id == id && run.result) return run.result->outcome;
                }
                return std::nullopt;
            },
            [store](const std::string& task) {
                std::size_t count = 0;
                for (const auto& run : store->runs(task)) count += run.attempts.size();
                return count;
            },
            [store](const std::string& task) {
                std::uint64_t count = 0;
                for (const auto& skip : store->skips(task)) count += skip.count;
                return count;
            }};
}

INSTANTIATE_TEST_SUITE_P(Memory, RunStoreContract, ::testing::Values(memory_store));

class MemoryRunStoreTest : public ::testing::Test {
  protected:
    engine::RunId claim(int instant) {
        engine::RunId id = 0;
        boost::asio::co_spawn(
            loop, store.claim("t", WallTime(std::chrono::seconds(instant))),
            [&](std::exception_ptr, Result<engine::RunId> got) { id = got.value(); });
        loop.restart();
        loop.run();
        return id;
    }
    boost::asio::io_context loop;
    store::MemoryRunStore store{3};
};

TEST_F(MemoryRunStoreTest, TheOldestEndedRunsAreForgottenFirst) {
    for (int i = 0; i < 10; ++i) store.finish(claim(i), {}, {});
    ASSERT_EQ(store.runs("t").size(), 3u);
    EXPECT_EQ(store.runs("t").front().id, 8u);
}

TEST_F(MemoryRunStoreTest, ARunThatIsAliveIsNeverForgotten) {
    const engine::RunId alive = claim(0);
    for (int i = 1; i < 10; ++i) store.finish(claim(i), {}, {});
    EXPECT_EQ(store.runs("t").size(), 3u);
    EXPECT_EQ(store.runs("t").front().id, alive);
    store.finish(alive, {}, {});
    EXPECT_EQ(store.runs("t").size(), 3u);
}

}  // namespace
}  // namespace bansuri::testing
