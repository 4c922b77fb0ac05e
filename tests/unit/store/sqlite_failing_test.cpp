// SPDX-License-Identifier: MIT
//
// Tasks go on while nothing can be written, and all is written afterwards.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <filesystem>

#include "sqlite_store.hpp"
#include "store/database.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

/// Somebody else writes for as long as this lives.
class Blockade {
  public:
    explicit Blockade(const std::string& file)
        : database_(file, store::Database::Access::read_write, 5s), transaction_(database_) {}

  private:
    store::Database database_;
    store::Transaction transaction_;
};

/// No file of this process grows beyond it: what a full disk looks like from here.
class SizeLimit {
  public:
    explicit SizeLimit(std::uintmax_t bytes) {
        ::signal(SIGXFSZ, SIG_IGN);
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~SizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }
    SizeLimit(const SizeLimit&) = delete;
    SizeLimit& operator=(const SizeLimit&) = delete;

  private:
    rlimit before_{};
};

class SqliteFailingTest : public ::testing::Test {
  protected:
    SqliteFailingTest() { sqlite.options.bounds.retry = 20ms; }

    /// Lets the loop hear until something is so.
    template <class Condition>
    bool eventually(Condition condition) {
        const MonoTime limit = boot_time() + 20s;
        while (!condition() && boot_time() < limit) {
            loop.restart();
            loop.run_for(5ms);
        }
        return condition();
    }

    boost::asio::io_context loop;
    SqliteStore sqlite{loop};
};

TEST_F(SqliteFailingTest, ClaimsAreAnsweredFromWhatCanBeReadAndWhatWaits) {
    sqlite.open();
    ASSERT_TRUE(sqlite.claim("a", noon).has_value());
    sqlite.settle();
    std::optional<Blockade> blockade(sqlite.file());
    std::vector<engine::RunId> runs;
    for (int i = 1; i <= 50; ++i) runs.push_back(sqlite.run_and_end("a", noon + i * 1s));
    EXPECT_TRUE(sqlite.degraded("store"));
    EXPECT_FALSE(sqlite.claim("a", noon)) << "it is in the file";
    EXPECT_FALSE(sqlite.claim("a", noon + 7s)) << "it waits";
    sqlite.store().skipped(task("a").build(), {noon + 1h, noon + 1h, 1, false, "overlap"}, {},
                           noon);
    EXPECT_FALSE(sqlite.claim("a", noon + 1h)) << "it waits, as a skip";
    blockade.reset();
    ASSERT_TRUE(eventually([&] { return !sqlite.degraded("store"); }));
    sqlite.settle();
    auto history = sqlite.history();
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const auto record = history.run(runs[i]);
        ASSERT_TRUE(record) << i;
        EXPECT_EQ(record->instant, noon + static_cast<int>(i + 1) * 1s);
        ASSERT_TRUE(record->result);
        EXPECT_EQ(record->attempts, 1u);
    }
    EXPECT_EQ(history.runs({{}, {}, {}, 1000}).size(), 52u);
    EXPECT_TRUE(sqlite.reported("store-failing"));
    EXPECT_TRUE(eventually([&] { return sqlite.reported("store-recovered"); }));
}

TEST_F(SqliteFailingTest, AFullDiskEndsNothingAndHealsByItself) {
    sqlite.open();
    for (int i = 0; i < 100; ++i) sqlite.run_and_end("old", noon + i * 1s);
    sqlite.settle();
    EXPECT_TRUE(fs::exists(sqlite.directory.path("reserve")));
    std::vector<engine::RunId> runs;
    {
        const SizeLimit limit(fs::file_size(sqlite.file()));
        for (int i = 0; i < 3000 || !sqlite.degraded("store"); ++i) {
            ASSERT_LT(i, 100'000);
            runs.push_back(sqlite.run_and_end("a", noon + i * 1s));
        }
        ASSERT_TRUE(eventually([&] { return sqlite.reported("store-failing"); }));
        EXPECT_FALSE(fs::exists(sqlite.directory.path("reserve")));
        runs.push_back(sqlite.run_and_end("b", noon));
    }
    ASSERT_TRUE(eventually([&] { return !sqlite.degraded("store"); }));
    sqlite.settle();
    EXPECT_TRUE(fs::exists(sqlite.directory.path("reserve")));
    auto history = sqlite.history();
    std::size_t missing = 0;
    for (const engine::RunId run : runs) {
        const auto record = history.run(run);
        if (!record || !record->result) ++missing;
    }
    // Of "a" 1000 are kept; the latest are there.
    EXPECT_LE(missing, runs.size() - 1001);
    EXPECT_TRUE(history.run(runs.back()));
    EXPECT_TRUE(history.run(runs[runs.size() - 500]));
}

TEST_F(SqliteFailingTest, WhatWaitsIsBoundedAndItsLossIsSaid) {
    sqlite.options.bounds.operations = 100;
    sqlite.open();
    ASSERT_TRUE(sqlite.claim("a", noon).has_value());
    std::optional<Blockade> blockade(sqlite.file());
    std::vector<engine::RunId> runs;
    for (int i = 1; i <= 60; ++i) {
        runs.push_back(sqlite.claim("a", noon + i * 1s).value());
        for (int j = 0; j < 20; ++j) sqlite.store().record_event(noon, "test", "");
    }
    ASSERT_TRUE(eventually([&] {
        for (const auto& problem : sqlite.health.problems()) {
            if (problem.reason.find("are lost") != std::string::npos) return true;
        }
        return false;
    }));
    blockade.reset();
    ASSERT_TRUE(eventually([&] { return !sqlite.degraded("store"); }));
    sqlite.settle();
    auto history = sqlite.history();
    for (const engine::RunId run : runs) EXPECT_TRUE(history.run(run)) << "claims go last";
}

TEST_F(SqliteFailingTest, WhateverIsDroppedNoInstantStartsAgain) {
    sqlite.options.bounds.operations = 200;
    sqlite.open();
    const engine::RunId before = sqlite.claim("before", noon).value();
    sqlite.store().waits(task("a").build(), {noon, {}}, {});
    sqlite.settle();
    std::optional<Blockade> blockade(sqlite.file());
    const engine::RunId alive = sqlite.claim("alive", noon).value();
    sqlite.store().attempt_started(alive, 1, {{4711, 1, 0, 0}, noon});
    sqlite.store().attempt_started(before, 1, {{4711, 1, 0, 0}, noon});
    sqlite.store().attempt_ended(before, 1, {}, {});
    sqlite.store().finish(before, "before", {Outcome::failed}, noon, {});
    sqlite.store().use({7, 77}, Durability::full);
    sqlite.store().reserve_ids(5000);
    sqlite.store().know({task("known").build()}, noon);
    sqlite.store().forget("before");
    for (int i = 0; i < 300; ++i) {
        const engine::RunId run = sqlite.claim("a", noon + i * 1s).value();
        sqlite.store().attempt_started(run, 1, {{4711, 1, 0, 0}, noon});
        sqlite.store().attempt_ended(run, 1, {}, {});
        sqlite.store().finish(run, "a", {}, noon, {static_cast<unsigned>(i), {}, {}, {}, {}});
        const WallTime skipped = noon + i * 1s;
        sqlite.store().skipped(task("b").build(), {skipped, skipped, 1, false, "x"}, {}, noon);
    }
    blockade.reset();
    ASSERT_TRUE(eventually([&] { return !sqlite.degraded("store"); }));
    sqlite.settle();
    EXPECT_GT(sqlite.run_and_end("new", noon), 5000u);
    sqlite.open();
    const auto left = sqlite.recover();
    ASSERT_EQ(left.runs.size(), 1u) << "no other has lost its end";
    EXPECT_EQ(left.runs[0].id, alive);
    EXPECT_TRUE(left.runs[0].last && left.runs[0].last->start);
    std::size_t tasks = 0;
    for (const auto& task : left.tasks) {
        if (task.task != "a" && task.task != "b") continue;
        ++tasks;
        EXPECT_EQ(task.accounted, noon + 299s) << task.task;
        EXPECT_TRUE(task.waiting.empty()) << task.task;
        EXPECT_EQ(task.memory.successes, task.task == "a" ? 299u : 0u);
    }
    EXPECT_EQ(tasks, 2u);
    const auto ended = sqlite.history().run(before);
    ASSERT_TRUE(ended && ended->result);
    EXPECT_EQ(ended->attempts, 1u);
}

TEST_F(SqliteFailingTest, TheKeeperIsNotMadeToForgetWhatOnlyItKnows) {
    sqlite.options.bounds.tokens = 10;
    sqlite.open();
    const engine::RunId only_claimed = sqlite.claim("a", noon).value();
    const engine::RunId run = sqlite.claim("b", noon).value();
    sqlite.settle();
    std::optional<Blockade> blockade(sqlite.file());
    auto token = std::make_shared<int>(0);
    const std::weak_ptr<int> kept = token;
    sqlite.store().attempt_started(only_claimed, 1, {{4711, 1, 0, 0}, noon});
    sqlite.store().attempt_ended(only_claimed, 1, {}, std::exchange(token, nullptr));
    std::vector<std::weak_ptr<int>> held;
    for (std::uint32_t attempt = 1; attempt <= 15; ++attempt) {
        auto one = std::make_shared<int>(0);
        held.push_back(one);
        sqlite.store().attempt_ended(run, attempt, {}, std::move(one));
    }
    EXPECT_TRUE(eventually([&] { return held.front().expired(); }));
    EXPECT_FALSE(kept.expired());
    blockade.reset();
    EXPECT_TRUE(eventually([&] { return kept.expired(); }));
}

TEST_F(SqliteFailingTest, TheKeeperIsNotMadeToHoldMoreThanItCan) {
    sqlite.options.bounds.tokens = 10;
    sqlite.open();
    const engine::RunId run = sqlite.claim("a", noon).value();
    std::optional<Blockade> blockade(sqlite.file());
    std::vector<std::weak_ptr<int>> held;
    for (std::uint32_t attempt = 1; attempt <= 15; ++attempt) {
        auto token = std::make_shared<int>(0);
        held.push_back(token);
        sqlite.store().attempt_ended(run, attempt, {}, std::move(token));
    }
    const auto count = [&] {
        return std::count_if(held.begin(), held.end(), [](auto& one) { return !one.expired(); });
    };
    EXPECT_TRUE(eventually([&] { return count() <= 10; }));
    EXPECT_GT(count(), 5) << "the latest are held until they are written";
    EXPECT_TRUE(held.front().expired());
    EXPECT_FALSE(held.back().expired());
    blockade.reset();
    EXPECT_TRUE(eventually([&] { return count() == 0; }));
}

TEST_F(SqliteFailingTest, TheHistoryIsShortenedOnceAnHourHoweverOftenTheDiskIsFull) {
    std::atomic<int> hours = 0;
    sqlite.options.retention = {30, 1'000'000};  // nothing of it goes by itself
    sqlite.options.mono_now = [&] { return boot_time() + hours.load() * 1h; };
    sqlite.open();
    for (int i = 0; i < 500; ++i) sqlite.run_and_end("old", noon + i * 1s);
    sqlite.settle();
    int instant = 0;
    const auto fill_the_disk = [&] {
        const auto before = sqlite.count("store-failing");
        const auto recovered = sqlite.count("store-recovered");
        {
            const SizeLimit limit(fs::file_size(sqlite.file()));
            while (sqlite.count("store-failing") == before && instant < 100'000) {
                sqlite.run_and_end("a", noon + ++instant * 1s);
            }
        }
        // At least one try, which begins with making room, and is told before the recovery.
        return eventually([&] { return sqlite.count("store-recovered") > recovered; });
    };
    for (int times = 0; times < 4; ++times) ASSERT_TRUE(fill_the_disk());
    EXPECT_EQ(sqlite.count("history-shortened"), 1);
    hours = 1;
    ASSERT_TRUE(fill_the_disk());
    EXPECT_EQ(sqlite.count("history-shortened"), 2);
}

/// SQLite is asked to refuse it, which it does like any other error of a statement.
class SettingOfDurability {
  public:
    SettingOfDurability() { set_for_new_connections(true); }
    ~SettingOfDurability() { set_for_new_connections(false); }
    SettingOfDurability(const SettingOfDurability&) = delete;
    SettingOfDurability& operator=(const SettingOfDurability&) = delete;

    static inline std::atomic<bool> refused = false;

  private:
    static int authorize(void*, int action, const char* what, const char* value, const char*,
                         const char*) {
        const bool is_it =
            action == SQLITE_PRAGMA && value != nullptr && std::string_view(what) == "synchronous";
        return is_it && refused ? SQLITE_DENY : SQLITE_OK;
    }
    static int open(sqlite3* database, const char**, const struct sqlite3_api_routines*) {
        return sqlite3_set_authorizer(database, authorize, nullptr);
    }
    static void set_for_new_connections(bool on) {
        refused = false;
        sqlite3_reset_auto_extension();
        // SQLite calls it with the parameters of open(); its type here is that of any function.
        if (on) sqlite3_auto_extension(reinterpret_cast<void (*)()>(&open));
    }
};

TEST_F(SqliteFailingTest, ADurabilityThatCannotBeSetIsSaidAndSetLater) {
    SettingOfDurability setting;
    sqlite.open();
    setting.refused = true;
    sqlite.store().use({30, 10}, Durability::full);
    sqlite.settle();
    EXPECT_TRUE(sqlite.degraded("durability"));
    sqlite.run_and_end("a", noon);
    sqlite.settle();
    EXPECT_EQ(sqlite.history().runs({}).size(), 1u) << "written as it was before";
    EXPECT_FALSE(sqlite.degraded("store"));
    setting.refused = false;
    sqlite.run_and_end("a", noon + 1s);
    sqlite.settle();
    EXPECT_FALSE(sqlite.degraded("durability"));
}

TEST_F(SqliteFailingTest, AFileThatWasRemovedIsMadeAnew) {
    sqlite.open();
    sqlite.run_and_end("a", noon);
    sqlite.settle();
    sqlite.close();
    for (const char* part : {"", "-wal", "-shm"}) fs::remove(sqlite.file() + part);
    sqlite.open();
    EXPECT_TRUE(sqlite.claim("a", noon).has_value());
    sqlite.settle();
    EXPECT_EQ(sqlite.history().runs({}).size(), 1u);
}

TEST_F(SqliteFailingTest, ADirectoryThatCannotBeWrittenToIsAnErrorThatNamesIt) {
    // In a process of its own, which may have to become somebody else for it.
    fs::permissions(sqlite.options.directory, fs::perms(0555));
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(3);
        try {
            sqlite.open();
        } catch (const std::runtime_error& error) {
            const std::string text = error.what();
            const bool clear = text.find(sqlite.file()) != std::string::npos &&
                               text.find("Permission denied") != std::string::npos;
            ::_exit(clear ? 0 : 2);
        }
        ::_exit(1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_FALSE(fs::exists(sqlite.file()));
    fs::permissions(sqlite.options.directory, fs::perms(0755));
}

}  // namespace
}  // namespace bansuri::testing
