// SPDX-License-Identifier: MIT
#include "store/memory_run_store.hpp"

#include "contract/run_store_contract.hpp"

namespace bansuri::testing {
namespace {

class MemoryStoreUnderTest final : public StoreUnderTest {
  public:
    engine::RunStore& store() override { return store_; }
    void reopen() override {}  // nothing of it outlives the daemon
    void settle() override {}
    std::optional<Outcome> outcome(const std::string& task, engine::RunId id) override {
        for (const auto& run : store_.runs(task)) {
            if (run.id == id && run.result) return run.result->outcome;
        }
        return std::nullopt;
    }
    std::size_t attempts(const std::string& task) override {
        std::size_t count = 0;
        for (const auto& run : store_.runs(task)) count += run.attempts.size();
        return count;
    }
    std::uint64_t skipped(const std::string& task) override {
        std::uint64_t count = 0;
        for (const auto& skip : store_.skips(task)) count += skip.count;
        return count;
    }

  private:
    store::MemoryRunStore store_;
};

INSTANTIATE_TEST_SUITE_P(Memory, RunStoreContract, ::testing::Values([](boost::asio::io_context&) {
                             return std::make_unique<MemoryStoreUnderTest>();
                         }));

class MemoryRunStoreTest : public ::testing::Test {
  protected:
    engine::RunId claim(int instant) {
        const WallTime due{std::chrono::seconds(instant)};
        return answer_of(loop, store.claim({task("t").build(), {due, {}}, {}, {}, due})).value();
    }
    void run_and_end(int instant) { store.finish(claim(instant), "t", {}, {}, {}); }

    boost::asio::io_context loop;
    store::MemoryRunStore store{3};
};

TEST_F(MemoryRunStoreTest, TheOldestEndedRunsAreForgottenFirst) {
    for (int i = 0; i < 10; ++i) run_and_end(i);
    ASSERT_EQ(store.runs("t").size(), 3u);
    EXPECT_EQ(store.runs("t").front().id, 8u);
}

TEST_F(MemoryRunStoreTest, ARunThatIsAliveIsNeverForgotten) {
    const engine::RunId alive = claim(0);
    for (int i = 1; i < 10; ++i) run_and_end(i);
    EXPECT_EQ(store.runs("t").size(), 3u);
    EXPECT_EQ(store.runs("t").front().id, alive);
    store.finish(alive, "t", {}, {}, {});
    EXPECT_EQ(store.runs("t").size(), 3u);
}

}  // namespace
}  // namespace bansuri::testing
