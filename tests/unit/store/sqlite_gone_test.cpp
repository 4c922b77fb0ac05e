// SPDX-License-Identifier: MIT
//
// bansuri.db is removed, moved or replaced while it is in use.
#include <atomic>
#include <filesystem>

#include "sqlite_store.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class SqliteGoneTest : public ::testing::Test {
  protected:
    SqliteGoneTest() {
        sqlite.options.mono_now = [this] { return boot_time() + minutes.load() * 1min; };
    }
    /// The look at the file that comes each minute.
    bool look() {
        ++minutes;
        sqlite.settle();  // which wakes the thread
        return eventually([&] { return sqlite.reported("store-begun-anew"); });
    }
    void remove() {
        for (const char* part : {"", "-wal", "-shm"}) fs::remove(sqlite.file() + part);
    }
    /// What the next daemon must know.
    void live_on() {
        sqlite.open();
        sqlite.store().know({task("known").build()}, noon);
        sqlite.run_and_end("a", noon);
        alive = sqlite.claim("a", noon + 1min).value();
        sqlite.store().attempt_started(alive, 1, {{4711, 1, 0, 0}, noon});
        sqlite.store().waits(task("a").build(), {noon + 2min, {}}, {});
        sqlite.store().remember("a", {3, false, {}, 2, false});
        for (int i = 0; i < 20; ++i) last = sqlite.run_and_end("b", noon + i * 1s);
        sqlite.settle();
    }
    void expect_all_that_is_live() {
        const auto left = sqlite.recover();
        EXPECT_TRUE(left.same_session);
        ASSERT_EQ(left.runs.size(), 1u);
        EXPECT_EQ(left.runs[0].id, alive);
        EXPECT_TRUE(left.runs[0].same_session);
        ASSERT_TRUE(left.runs[0].last && left.runs[0].last->start);
        EXPECT_EQ(left.runs[0].last->start->process.pid, 4711);
        ASSERT_EQ(left.tasks.size(), 3u);
        for (const auto& task : left.tasks) {
            if (task.task == "a") {
                EXPECT_EQ(task.accounted, noon + 2min);
                EXPECT_EQ(task.waiting.size(), 1u);
                EXPECT_EQ(task.memory.successes, 3u);
            } else if (task.task == "b") {
                EXPECT_EQ(task.accounted, noon + 19s);
                ASSERT_TRUE(task.last);
                EXPECT_EQ(task.last->id, last);
            }
        }
        EXPECT_GT(sqlite.claim("c", noon).value(), last);
    }

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
    std::atomic<int> minutes = 0;
    engine::RunId alive = 0;
    engine::RunId last = 0;
};

TEST_F(SqliteGoneTest, AFileThatIsRemovedIsBegunAnewWithAllThatIsLive) {
    live_on();
    auto history = sqlite.history();
    EXPECT_EQ(history.runs({"b", {}, {}, 100}).size(), 20u);
    remove();
    EXPECT_EQ(history.runs({"b", {}, {}, 100}).size(), 20u) << "what is open can still be read";
    ASSERT_TRUE(look());
    EXPECT_TRUE(sqlite.degraded("history"));
    EXPECT_TRUE(fs::exists(sqlite.file()));
    sqlite.store().attempt_ended(alive, 1, {}, {});
    sqlite.settle();
    EXPECT_EQ(history.runs({"b", {}, {}, 100}).size(), 1u) << "the reader has the new one";
    EXPECT_EQ(history.events(1).at(0).kind, "store-begun-anew");
    sqlite.open();
    EXPECT_FALSE(sqlite.reported("store-moved-aside"));
    expect_all_that_is_live();
}

TEST_F(SqliteGoneTest, AFileThatIsRemovedJustBeforeTheEndIsBegunAnewToo) {
    live_on();
    remove();
    sqlite.open();
    expect_all_that_is_live();
}

TEST_F(SqliteGoneTest, AnotherFileInItsPlaceIsPutAside) {
    live_on();
    fs::rename(sqlite.file(), sqlite.directory.path("elsewhere"));
    fs::copy_file(sqlite.directory.path("elsewhere"), sqlite.file());
    ASSERT_TRUE(look());
    std::size_t aside = 0;
    for (const auto& entry : fs::directory_iterator(sqlite.options.directory)) {
        const std::string name = entry.path().filename().string();
        if (name.rfind("bansuri.db.corrupt-", 0) == 0 && entry.path().extension() != ".db") ++aside;
    }
    EXPECT_GE(aside, 1u);
    sqlite.open();
    expect_all_that_is_live();
    sqlite.close();
    EXPECT_EQ(
        store::SqliteHistory(sqlite.directory.path("elsewhere")).runs({"b", {}, {}, 100}).size(),
        20u)
        << "what was moved away has all that was written to it";
}

TEST_F(SqliteGoneTest, ADirectoryThatTakesNoNewFileIsSaidAndTriedAgain) {
    live_on();
    remove();
    fs::create_directory(sqlite.file() + ".new");  // nothing can be made under this name
    ++minutes;
    sqlite.settle();
    ASSERT_TRUE(eventually([&] { return sqlite.reported("store-gone"); }));
    EXPECT_TRUE(sqlite.degraded("store"));
    ASSERT_TRUE(sqlite.claim("d", noon).has_value()) << "tasks go on";
    fs::remove(sqlite.file() + ".new");
    ASSERT_TRUE(look());
    EXPECT_FALSE(sqlite.degraded("store"));
    EXPECT_FALSE(sqlite.claim("d", noon).has_value());
}

}  // namespace
}  // namespace bansuri::testing
