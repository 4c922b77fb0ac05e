// SPDX-License-Identifier: MIT
#include "store/sqlite_run_store.hpp"

#include "sqlite_store.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;

class SqliteStoreUnderTest final : public StoreUnderTest {
  public:
    explicit SqliteStoreUnderTest(boost::asio::io_context& loop) : sqlite_(loop) { sqlite_.open(); }

    engine::RunStore& store() override { return sqlite_.store(); }
    void reopen() override { sqlite_.open(); }
    void settle() override { sqlite_.settle(); }
    std::optional<Outcome> outcome(const std::string&, engine::RunId run) override {
        const auto record = sqlite_.history().run(run);
        if (!record || !record->result) return std::nullopt;
        return record->result->outcome;
    }
    std::size_t attempts(const std::string& task) override {
        std::size_t count = 0;
        auto history = sqlite_.history();
        for (const auto& run : records(task)) count += history.attempts(run.id).size();
        return count;
    }
    std::uint64_t skipped(const std::string& task) override {
        std::uint64_t count = 0;
        for (const auto& run : records(task)) count += run.skipped_count;
        return count;
    }

  private:
    std::vector<engine::RunRecord> records(const std::string& task) {
        return sqlite_.history().runs({task, {}, {}, 1000});
    }
    SqliteStore sqlite_;
};

INSTANTIATE_TEST_SUITE_P(Sqlite, RunStoreContract,
                         ::testing::Values([](boost::asio::io_context& loop) {
                             return std::make_unique<SqliteStoreUnderTest>(loop);
                         }));

class SqliteRunStoreTest : public ::testing::Test {
  protected:
    boost::asio::io_context loop;
    SqliteStore sqlite{loop};
};

TEST_F(SqliteRunStoreTest, RunsAreToldWithoutWhatWasSkipped) {
    sqlite.open();
    const auto a = task("a").every(1min).build();
    sqlite.store().know({a}, noon);
    const engine::RunId ended = sqlite.claim("a", noon).value();
    sqlite.store().finish(ended, "a", {Outcome::success, {}, "", {}}, noon, {});
    const engine::RunId alive = sqlite.claim("a", noon + 1s).value();
    sqlite.store().skipped(a, {noon + 2s, noon + 2s, 1, false, "overlap"}, {}, noon);
    sqlite.settle();
    engine::HistoryQuery query{"a", {}, {}, 10};
    EXPECT_EQ(sqlite.history().runs(query).size(), 3u);
    query.without_skips = true;
    const auto runs = sqlite.history().runs(query);
    ASSERT_EQ(runs.size(), 2u);
    EXPECT_EQ(runs[0].id, alive);
    EXPECT_EQ(runs[1].id, ended);
}

TEST_F(SqliteRunStoreTest, AnotherSessionIsLeftWhatOutlivesOne) {
    sqlite.open();
    const auto a = task("a").every(1min).build();
    sqlite.store().know({a}, noon);
    const engine::RunId run = sqlite.claim("a", noon + 1s).value();
    const engine::TaskWatch watch{noon, noon + 1h, noon + 2h, noon + 3h, true};
    sqlite.store().remember("a", {3, true, TaskState::failed, 3, true, watch});
    sqlite.store().waits(a, {noon + 1min, MonoTime(1min)}, {MonoTime(1s), noon});

    sqlite.options.session = "another";
    sqlite.open();
    auto left = sqlite.recover();
    EXPECT_FALSE(left.same_session);
    ASSERT_EQ(left.runs.size(), 1u);
    EXPECT_EQ(left.runs[0].id, run);
    EXPECT_FALSE(left.runs[0].same_session);
    EXPECT_TRUE(left.runs[0].same_boot);
    ASSERT_EQ(left.tasks.size(), 1u);
    EXPECT_EQ(left.tasks[0].accounted, noon + 1min);
    EXPECT_EQ(left.tasks[0].tick, std::nullopt);
    EXPECT_EQ(left.tasks[0].grid, engine::Grid{});
    EXPECT_EQ(left.tasks[0].memory, (engine::TaskMemory{.watch = watch}));
    EXPECT_TRUE(left.tasks[0].waiting.empty());
    sqlite.settle();
    const auto records = sqlite.history().runs({"a", Outcome::skipped, {}, 10});
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].instant, noon + 1min);
    EXPECT_EQ(records[0].result->reason, "missed: Bansuri was stopped while it waited");

    sqlite.options.boot_id = "another";
    sqlite.open();
    left = sqlite.recover();
    EXPECT_FALSE(left.runs.at(0).same_boot);
    EXPECT_FALSE(left.same_session);
    sqlite.open();
    EXPECT_TRUE(sqlite.recover().same_session) << "what it found it has made its own";
}

TEST_F(SqliteRunStoreTest, AFileOfTheFirstVersionIsBroughtUpAndKnowsTheLatestSuccess) {
    sqlite.open();
    sqlite.run_and_end("a", noon);
    sqlite.run_and_end("a", noon + 1h);
    const engine::RunId failed = sqlite.claim("b", noon).value();
    sqlite.store().finish(failed, "b", {}, noon, {});
    sqlite.close();
    {
        store::Database database(sqlite.file(), store::Database::Access::read_write, 1s);
        for (const char* column : {"expected_since", "last_success", "incident_since",
                                   "incident_told", "overdue_told"}) {
            database.execute((std::string("ALTER TABLE task DROP COLUMN ") + column).c_str());
        }
        database.execute(
            "PRAGMA user_version = 1; UPDATE meta SET value = '1' WHERE key = 'schema_version'");
    }
    sqlite.open();
    const auto left = sqlite.recover();
    EXPECT_FALSE(sqlite.reported("store-moved-aside"));
    ASSERT_EQ(left.tasks.size(), 2u);
    EXPECT_EQ(left.tasks[0].memory.watch, (engine::TaskWatch{.last_success = noon + 1h}));
    EXPECT_EQ(left.tasks[1].memory.watch, engine::TaskWatch{});
}

TEST_F(SqliteRunStoreTest, InstantsSkippedOneAfterTheOtherForOneReasonAreOneRecord) {
    sqlite.open();
    const auto skip = [&](Duration after, const std::string& reason) {
        sqlite.store().skipped(task("a").build(), {noon + after, noon + after, 1, false, reason},
                               {}, noon + after);
    };
    ASSERT_TRUE(sqlite.claim("a", noon));
    for (int i = 1; i <= 40; ++i) skip(i * 1s, "overlap: run 1 still ran");
    skip(41s, "another reason");
    sqlite.claim("a", noon + 42s).value();
    skip(43s, "another reason");
    sqlite.settle();
    const auto records = sqlite.history().runs({"a", Outcome::skipped, {}, 100});
    ASSERT_EQ(records.size(), 3u);
    EXPECT_EQ(records[2].instant, noon + 1s);
    EXPECT_EQ(records[2].last_instant, noon + 40s);
    EXPECT_EQ(records[2].skipped_count, 40u);
    EXPECT_EQ(records[1].skipped_count, 1u);
    EXPECT_EQ(records[0].instant, noon + 43s) << "a run lies between";
}

TEST_F(SqliteRunStoreTest, WhatSomebodyAsksForOrTheKeeperHoldsIsRecordedAmongSkippedInstants) {
    sqlite.open();
    const auto a = task("a").build();
    for (int i = 0; i < 3; ++i) {
        const WallTime at = noon + i * 10s;
        sqlite.store().skipped(a, {at, at, 1, false, "overlap"}, {}, at);
    }
    EXPECT_FALSE(sqlite.claim("a", noon + 10s));
    const engine::Claim asked{a, {noon + 5s, {}}, {}, engine::RunOrigin::manual, noon};
    EXPECT_TRUE(answer_of(loop, sqlite.store().claim(asked)));
    sqlite.store().skipped(a, {noon + 30s, noon + 30s, 1, false, "overlap"}, {}, noon);
    sqlite.store().skipped(a, {noon + 40s, noon + 50s, 2, false, "overlap"}, {}, noon);
    sqlite.store().reclaim(500, {a, {noon + 45s, {}}, {}, {}, noon});
    sqlite.settle();
    const auto held = sqlite.history().run(500);
    ASSERT_TRUE(held);
    EXPECT_EQ(held->instant, noon + 45s);
}

TEST_F(SqliteRunStoreTest, ADaemonThatDiesAtOnceMakesNoRunOfAnotherSessionItsOwn) {
    sqlite.open();
    const engine::RunId old = sqlite.claim("a", noon).value();
    sqlite.settle();
    sqlite.options.session = "another";
    sqlite.open();
    sqlite.settle();
    sqlite.open();
    auto left = sqlite.recover();
    EXPECT_TRUE(left.same_session);
    ASSERT_EQ(left.runs.size(), 1u);
    EXPECT_FALSE(left.runs[0].same_session);
    EXPECT_TRUE(left.runs[0].same_boot);
    const engine::RunId fresh = sqlite.claim("a", noon + 1s).value();
    ASSERT_GT(fresh, old);
    sqlite.settle();
    sqlite.open();
    left = sqlite.recover();
    ASSERT_EQ(left.runs.size(), 2u);
    EXPECT_FALSE(left.runs[0].same_session);
    EXPECT_TRUE(left.runs[1].same_session);

    sqlite.options.boot_id = sqlite.options.session = "a third";
    sqlite.open();
    sqlite.settle();
    sqlite.open();
    left = sqlite.recover();
    EXPECT_TRUE(left.same_session);
    ASSERT_EQ(left.runs.size(), 2u);
    EXPECT_FALSE(left.runs[1].same_session);
    EXPECT_FALSE(left.runs[1].same_boot);
}

TEST_F(SqliteRunStoreTest, ATaskThatIsKnownAgainAfterItWasForgottenIsFollowedFromThen) {
    sqlite.open();
    const auto a = task("a").cron("0 2 * * *").build();
    const auto changed = task("a").cron("0 3 * * *").build();
    const auto b = task("b").build();
    for (const auto& again : {a, changed}) {
        // One batch, mostly; it holds for every way to divide it.
        sqlite.store().know({a, b}, noon);
        sqlite.store().waits(a, {noon, {}}, {});
        sqlite.store().forget("a");
        sqlite.store().forget("b");
        sqlite.store().know({again, b}, noon + 1h);
        sqlite.open();
        const auto left = sqlite.recover();
        ASSERT_EQ(left.tasks.size(), 2u);
        for (const auto& known : left.tasks) {
            EXPECT_EQ(known.since, noon + 1h) << known.task;
            EXPECT_EQ(known.schedule, schedule_text(known.task == "a" ? *again : *b));
            EXPECT_EQ(known.accounted, std::nullopt) << known.task;
        }
    }
}

TEST_F(SqliteRunStoreTest, IdsGoOnAfterAllThatHadOneIsPruned) {
    sqlite.options.retention = {1, 1};
    sqlite.open();
    engine::RunId last = 0;
    for (int i = 0; i < 10; ++i) last = sqlite.run_and_end("a", noon + i * 1s);
    sqlite.settle();
    sqlite.options.wall_now = [] { return noon + 240h; };
    sqlite.open();
    for (int tries = 0; tries < 1000 && !sqlite.history().runs({}).empty(); ++tries) {
        sqlite.settle();
    }
    EXPECT_TRUE(sqlite.history().runs({}).empty());
    sqlite.open();
    EXPECT_GT(sqlite.claim("a", noon + 1h).value(), last);
}

}  // namespace
}  // namespace bansuri::testing
