// SPDX-License-Identifier: MIT
//
// What is kept, what goes, and that nobody waits for it.
#include "sqlite_store.hpp"
#include "store/database.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;

/// Keeps every output, and remembers what it was asked.
class FakeOutput final : public store::OutputKeeper, public store::OutputReader {
  public:
    std::optional<store::SmallOutput> small(engine::AttemptId attempt) override {
        if (attempt.attempt == 2) return std::nullopt;  // a large one
        return store::SmallOutput{"index", "output of " + std::to_string(attempt.run)};
    }
    void taken(engine::AttemptId attempt) override { taken_.push_back(attempt); }
    void pruned(const std::vector<engine::RunId>& runs) override {
        pruned_.insert(pruned_.end(), runs.begin(), runs.end());
    }
    engine::OutputPiece read(const store::SmallOutput& output, std::uint64_t position,
                             std::size_t limit) override {
        return piece(output.index + ": " + output.bytes, position, limit);
    }
    std::optional<engine::OutputPiece> read(engine::AttemptId attempt, std::uint64_t position,
                                            std::size_t limit) override {
        if (attempt.attempt != 2) return std::nullopt;
        return piece("in a file", position, limit);
    }
    std::vector<engine::AttemptId> taken_;
    std::vector<engine::RunId> pruned_;

  private:
    static engine::OutputPiece piece(const std::string& all, std::uint64_t position,
                                     std::size_t limit) {
        engine::OutputPiece found;
        found.begin = position;
        found.spans.push_back({false, all.substr(position, limit)});
        found.end = position + found.spans[0].bytes.size();
        found.complete = found.end == all.size();
        return found;
    }
};

class SqlitePruningTest : public ::testing::Test {
  protected:
    SqlitePruningTest() {
        // All that the tests record ended long enough before.
        sqlite.options.wall_now = [] { return noon + 24h; };
    }
    std::size_t records(const std::string& task) {
        return sqlite.history().runs({task, {}, {}, 100'000}).size();
    }
    /// Lets the store's thread have time until something is so.
    template <class Condition>
    bool eventually(Condition condition) {
        const MonoTime limit = boot_time() + 20s;
        while (!condition() && boot_time() < limit) {
            sqlite.settle();
            loop.restart();
            loop.run_for(2ms);
        }
        return condition();
    }

    boost::asio::io_context loop;
    FakeOutput output;
    SqliteStore sqlite{loop};
};

TEST_F(SqlitePruningTest, OfEachTaskTheLatestRunsAreKeptAndThoseThatAreAlive) {
    sqlite.options.retention = {30, 10};
    sqlite.options.output = &output;
    sqlite.open();
    const engine::RunId alive = sqlite.claim("a", noon - 1h).value();
    const engine::RunId first = sqlite.run_and_end("a", noon - 1s);
    for (int i = 0; i < 200; ++i) sqlite.run_and_end("a", noon + i * 1s);
    const engine::RunId last = sqlite.run_and_end("a", noon + 1h);
    sqlite.run_and_end("b", noon);
    // A look at the oldest follows every fifty new ones.
    EXPECT_TRUE(eventually([&] { return records("a") <= 61; })) << records("a");
    EXPECT_GE(records("a"), 11u);
    sqlite.open();
    EXPECT_TRUE(eventually([&] { return records("a") == 11; })) << records("a");
    auto history = sqlite.history();
    EXPECT_TRUE(history.run(alive));
    EXPECT_FALSE(history.run(first));
    EXPECT_TRUE(history.attempts(first).empty());
    EXPECT_TRUE(history.run(last));
    EXPECT_EQ(records("b"), 1u);
    sqlite.close();
    ASSERT_EQ(output.pruned_.size(), 192u);
    EXPECT_EQ(output.pruned_.front(), first);
}

TEST_F(SqlitePruningTest, ALongRunOutlivesTheInstantsSkippedMeanwhile) {
    sqlite.options.retention = {30, 5};
    sqlite.open();
    const engine::RunId run = sqlite.claim("a", noon).value();
    const auto skip = [&](int second, const std::string& reason) {
        const WallTime at = noon + second * 1s;
        sqlite.store().skipped(task("a").build(), {at, at, 1, false, reason}, {}, at);
    };
    for (int i = 1; i <= 100; ++i) skip(i, "reason " + std::to_string(i));
    sqlite.store().finish(run, "a", {}, noon + 200s, {});
    sqlite.open();
    EXPECT_TRUE(eventually([&] { return records("a") == 6; })) << records("a");
    EXPECT_TRUE(sqlite.history().run(run));
}

TEST_F(SqlitePruningTest, WhatIsOlderThanItsDaysGoes) {
    sqlite.options.retention = {30, 1000};
    sqlite.open();
    for (int i = 0; i < 300; ++i) sqlite.run_and_end("a", noon + i * 1s);
    for (int i = 0; i < 300; ++i) sqlite.run_and_end("a", noon + 480h + i * 1s);
    sqlite.options.wall_now = [] { return noon + 721h; };
    sqlite.open();
    EXPECT_TRUE(eventually([&] { return records("a") == 300; })) << records("a");
}

TEST_F(SqlitePruningTest, WhatIsOldGoesAlsoAfterARecordOfAClockThatWasAhead) {
    sqlite.options.retention = {30, 100'000};
    sqlite.open();
    const engine::RunId ahead = sqlite.run_and_end("a", noon + 24h * 365);
    for (int i = 0; i < 2500; ++i) sqlite.run_and_end("a", noon + i * 1s);
    const engine::RunId recent = sqlite.run_and_end("a", noon + 720h);
    sqlite.options.wall_now = [] { return noon + 721h; };
    sqlite.open();
    EXPECT_TRUE(eventually([&] { return records("a") == 2; })) << records("a");
    EXPECT_TRUE(sqlite.history().run(ahead));
    EXPECT_TRUE(sqlite.history().run(recent));
}

TEST_F(SqlitePruningTest, AnotherRetentionIsInForceAtOnce) {
    sqlite.open();
    for (int i = 0; i < 100; ++i) sqlite.run_and_end("a", noon + i * 1s);
    sqlite.settle();
    EXPECT_EQ(records("a"), 100u);
    sqlite.store().use({30, 5}, Durability::full);
    EXPECT_TRUE(eventually([&] { return records("a") == 5; })) << records("a");
}

TEST_F(SqlitePruningTest, NoClaimWaitsForALongHistoryToGo) {
    sqlite.open();
    sqlite.claim("a", noon - 1h).value();
    sqlite.settle();
    sqlite.close();
    constexpr int many = 30'000;
    {
        store::Database database(sqlite.file(), store::Database::Access::read_write, 1s);
        store::Transaction transaction(database);
        store::Statement run(database,
                             "INSERT INTO run (id, task, instant, origin, claimed_at, ended_at,"
                             " outcome) VALUES (?, 1, ?, 'schedule', ?, ?, 'SUCCESS')");
        for (int i = 2; i <= many; ++i) run.run(i, noon + i * 1s, noon, noon);
        transaction.commit();
    }
    sqlite.options.retention = {30, 10};
    sqlite.open();
    Duration longest{};
    int claims = 0;
    // While it is being pruned, and not after.
    for (; claims < 2000 && sqlite.history().run(many / 2); ++claims) {
        const MonoTime begin = boot_time();
        ASSERT_TRUE(sqlite.claim("b", noon + claims * 1s).has_value());
        longest = std::max(longest, boot_time() - begin);
    }
    EXPECT_GT(claims, 5);
    EXPECT_LT(longest, 100ms) << "the longest of " << claims;
    EXPECT_TRUE(eventually([&] { return records("a") <= 11; })) << records("a");
}

/// Whose records lie scattered, as those of tasks that are due by turns do.
TEST_F(SqlitePruningTest, NoClaimWaitsForALookAtTasksThatHaveAllTheyMayKeep) {
    constexpr int tasks = 60;
    constexpr int of_each = 3000;
    sqlite.options.retention = {30, of_each};
    sqlite.open();
    for (int task = 0; task < tasks; ++task) {
        sqlite.run_and_end("task-" + std::to_string(task), noon - 1h);
    }
    sqlite.settle();
    sqlite.close();
    {
        store::Database database(sqlite.file(), store::Database::Access::read_write, 1s);
        store::Transaction transaction(database);
        store::Statement run(database,
                             "INSERT INTO run (id, task, instant, origin, claimed_at, ended_at,"
                             " outcome) VALUES (?, ?, ?, 'schedule', ?, ?, 'SUCCESS')");
        for (int i = 0; i < tasks * of_each; ++i) {
            run.run(tasks + 1 + i, 1 + i % tasks, noon + i * 1s, noon, noon);
        }
        transaction.commit();
    }
    sqlite.open();
    Duration longest{};
    for (int claims = 0; claims < 300; ++claims) {
        const MonoTime begin = boot_time();
        ASSERT_TRUE(sqlite.claim("b", noon + claims * 1s).has_value());
        longest = std::max(longest, boot_time() - begin);
    }
    EXPECT_LT(longest, 100ms);
    EXPECT_TRUE(eventually([&] { return records("task-7") == of_each; })) << records("task-7");
}

TEST_F(SqlitePruningTest, AttemptsOfOneRunAndEventsAreBounded) {
    sqlite.open();
    const engine::RunId run = sqlite.claim("a", noon).value();
    for (std::uint32_t attempt = 1; attempt <= 1200; ++attempt) {
        sqlite.store().attempt_started(run, attempt, {{4711, 1, 0, 0}, noon});
    }
    for (int i = 0; i < 10'200; ++i) sqlite.store().record_event(noon, "test", std::to_string(i));
    sqlite.settle();
    auto history = sqlite.history();
    const auto attempts = history.attempts(run);
    EXPECT_EQ(attempts.size(), 1000u);
    EXPECT_EQ(attempts.back().number, 1200u);
    const auto events = history.events(100'000);
    EXPECT_LE(events.size(), 10'050u);
    EXPECT_EQ(events.front().text, "10199");
}

TEST_F(SqlitePruningTest, SmallOutputMovesIntoTheDatabaseAndIsReadFromThere) {
    sqlite.options.output = &output;
    sqlite.open();
    const engine::RunId run = sqlite.claim("a", noon).value();
    sqlite.store().attempt_started(run, 1, {{4711, 1, 0, 0}, noon});
    store::SqliteHistory history(sqlite.file(), &output);
    constexpr auto whole = engine::OutputChoice::captured_or_stdout;
    sqlite.settle();
    auto piece = history.output(run, 1, whole, 0, 100);
    ASSERT_TRUE(piece);
    EXPECT_FALSE(piece->complete) << "it may still write";
    engine::AttemptEnd end;
    end.output_bytes = 5;
    sqlite.store().attempt_ended(run, 1, end, nullptr);
    sqlite.store().attempt_ended(run, 2, end, nullptr);
    sqlite.settle();
    piece = history.output(run, 1, whole, 0, 100);
    ASSERT_TRUE(piece);
    EXPECT_EQ(piece->spans.at(0).bytes, "index: output of 1");
    EXPECT_TRUE(piece->complete);
    EXPECT_EQ(history.output(run, 1, whole, 7, 6)->spans.at(0).bytes, "output");
    EXPECT_EQ(history.output(run, 2, whole, 0, 100)->spans.at(0).bytes, "in a file");
    EXPECT_FALSE(history.output(run, 3, whole, 0, 100)) << "there is no such attempt";
    sqlite.close();
    ASSERT_EQ(output.taken_.size(), 1u);
    EXPECT_EQ(output.taken_[0], (engine::AttemptId{run, 1}));
}

}  // namespace
}  // namespace bansuri::testing
