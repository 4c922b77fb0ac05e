// SPDX-License-Identifier: MIT
//
// A store opens whatever became of its file, and says what it found.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "sqlite_store.hpp"
#include "store/database.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

std::string read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class SqliteDamageTest : public ::testing::Test {
  protected:
    static constexpr int runs = 30;

    /// A file with some runs, closed: all is in the one file.
    void fill(SqliteStore& store) {
        store.open();
        store.recover();
        for (int i = 0; i < runs; ++i) store.run_and_end("a", noon + i * 1s);
        store.settle();
        store.close();
    }
    /// Whatever is in the file: the store opens, and either goes on, or begins anew and says so, or
    /// finds the damage later and says that.
    void expect_it_copes(SqliteStore& store) {
        store.open();
        store.recover();
        const bool anew = store.degraded("history");
        if (anew) {
            EXPECT_TRUE(moved_aside(store));
        }
        ASSERT_TRUE(store.claim("another", noon).has_value());
        const bool written = store.store().flush(20s);
        loop.restart();
        loop.poll();
        EXPECT_EQ(anew, store.reported("store-moved-aside"));
        EXPECT_NE(written, store.corrupt.has_value());
        try {
            auto history = store.history();
            for (const auto& run : history.runs({{}, {}, {}, 1000})) history.attempts(run.id);
            history.events(1000);
        } catch (const std::runtime_error&) {
            EXPECT_FALSE(anew) << "a new file can be read";
        }
        if (!written) {
            store.corrupt.reset();
            store.open();  // as the daemon's next start does
            EXPECT_TRUE(moved_aside(store));
            EXPECT_TRUE(store.claim("another", noon + 1s).has_value());
            EXPECT_TRUE(store.store().flush(20s));
        }
        store.close();
        EXPECT_EQ(integrity(store), "ok");
    }
    static std::string integrity(const SqliteStore& store) {
        return store::Database(store.file(), store::Database::Access::read_write, 1s)
            .answer("PRAGMA integrity_check(1)");
    }
    static bool moved_aside(const SqliteStore& store) {
        for (const auto& entry : fs::directory_iterator(store.options.directory)) {
            if (entry.path().filename().string().rfind("bansuri.db.corrupt-", 0) == 0) return true;
        }
        return false;
    }
    /// The same file, damaged.
    void expect_it_copes_with(const std::string& bytes) {
        SqliteStore store(loop);
        write(store.file(), bytes);
        expect_it_copes(store);
    }

    boost::asio::io_context loop;
    SqliteStore sqlite{loop};
};

TEST_F(SqliteDamageTest, AFileThatIsTruncatedAnywhere) {
    fill(sqlite);
    const std::string whole = read(sqlite.file());
    for (std::size_t size = 512; size < whole.size(); size += 512) {
        SCOPED_TRACE("truncated to " + std::to_string(size));
        SqliteStore store(loop);
        write(store.file(), whole.substr(0, size));
        store.open();
        EXPECT_EQ(moved_aside(store), store.degraded("history"));
        if (!store.degraded("history")) {
            // What is gone was the unused end of the last page.
            EXPECT_GT(size, whole.size() - 4096);
            EXPECT_EQ(store.history().runs({{}, {}, {}, 1000}).size(), std::size_t{runs});
        }
        EXPECT_TRUE(store.claim("b", noon).has_value());
        EXPECT_TRUE(store.store().flush(20s));
        store.close();
    }
}

TEST_F(SqliteDamageTest, AFileWithABitFlipped) {
    fill(sqlite);
    const std::string whole = read(sqlite.file());
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::minstd_rand random(seed);
    for (int i = 0; i < 300; ++i) {
        std::string damaged = whole;
        // Half of them in the header and the schema, where a flip does the most.
        const std::size_t most = i % 2 == 0 ? whole.size() : 4096;
        const std::size_t place = random() % most;
        const unsigned bit = static_cast<unsigned>(random() % 8);
        damaged[place] = static_cast<char>(damaged[place] ^ (1 << bit));
        SCOPED_TRACE("bit " + std::to_string(bit) + " of byte " + std::to_string(place));
        expect_it_copes_with(damaged);
    }
}

TEST_F(SqliteDamageTest, AnIndexThatIsMadeAnewWithoutLoss) {
    fill(sqlite);
    // The rows are renumbered while SQLite takes the index for one of no rows.
    const auto define_index = [&](const char* where) {
        store::Database database(sqlite.file(), store::Database::Access::read_write, 1s);
        sqlite3_db_config(database.handle(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
        database.execute("PRAGMA writable_schema = ON");
        const std::string sql = fmt::format(
            "UPDATE sqlite_schema SET sql = 'CREATE INDEX run_of_task ON run (task, id){}' "
            "WHERE name = 'run_of_task'",
            where);
        database.execute(sql.c_str());
    };
    define_index(" WHERE 0");
    store::Database(sqlite.file(), store::Database::Access::read_write, 1s)
        .execute("UPDATE run SET id = id + 1000");
    define_index("");
    ASSERT_NE(integrity(sqlite), "ok");
    sqlite.open();
    loop.restart();
    loop.poll();
    EXPECT_FALSE(sqlite.degraded("history"));
    EXPECT_TRUE(sqlite.reported("store-mended"));
    EXPECT_FALSE(moved_aside(sqlite));
    EXPECT_EQ(sqlite.history().runs({"a", {}, {}, 1000}).size(), static_cast<std::size_t>(runs));
    sqlite.close();
    EXPECT_EQ(integrity(sqlite), "ok");
}

TEST_F(SqliteDamageTest, AFileWithAnyBitOfItsFormatFlipped) {
    fill(sqlite);
    const std::string whole = read(sqlite.file());
    for (std::size_t place = 16; place < 24; ++place) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string damaged = whole;
            damaged[place] = static_cast<char>(damaged[place] ^ (1 << bit));
            SCOPED_TRACE("bit " + std::to_string(bit) + " of byte " + std::to_string(place));
            expect_it_copes_with(damaged);
        }
    }
}

TEST_F(SqliteDamageTest, AFileWhoseSchemaStillReadsAsOne) {
    fill(sqlite);
    std::string damaged = read(sqlite.file());
    const std::size_t table = damaged.find("CREATE TABLE task");
    ASSERT_NE(table, std::string::npos);
    const std::size_t key = damaged.find("PRIMARY", table);
    ASSERT_NE(key, std::string::npos);
    damaged[key + 3] = 'L';
    SqliteStore store(loop);
    write(store.file(), damaged);
    expect_it_copes(store);
    EXPECT_TRUE(moved_aside(store));
}

TEST_F(SqliteDamageTest, AnEmptyFileHasLostWhatWasInIt) {
    write(sqlite.file(), "");
    expect_it_copes(sqlite);
    EXPECT_TRUE(moved_aside(sqlite));
}

TEST_F(SqliteDamageTest, OfWhatIsMovedAsideTheNewestThreeAreKept) {
    const std::string name = "bansuri.db.corrupt-2";
    for (const char* when :
         {"0240101T000000Z", "0240101T000000Z-wal", "0240101T000000Z-shm", "0240201T000000Z",
          "0240201T000000Z-2", "0240201T000000Z-10", "0240201T000000Z-10-wal"}) {
        write(sqlite.directory.path(name + when), "x");
    }
    write(sqlite.file(), "no database");
    sqlite.options.wall_now = [] { return noon; };  // in 1970: the newest whatever its name says
    sqlite.open();
    std::vector<std::string> left;
    for (const auto& entry : fs::directory_iterator(sqlite.options.directory)) {
        const std::string found = entry.path().filename().string();
        if (found.rfind("bansuri.db.corrupt-", 0) == 0) left.push_back(found);
    }
    std::sort(left.begin(), left.end());
    const std::vector<std::string> expected = {
        "bansuri.db.corrupt-19700101T120000Z", "bansuri.db.corrupt-20240201T000000Z-10",
        "bansuri.db.corrupt-20240201T000000Z-10-wal", "bansuri.db.corrupt-20240201T000000Z-2"};
    EXPECT_EQ(left, expected);
}

TEST_F(SqliteDamageTest, AFileThatIsNoDatabase) {
    write(sqlite.file(), std::string(100'000, 'x'));
    expect_it_copes(sqlite);
    EXPECT_TRUE(moved_aside(sqlite));
}

TEST_F(SqliteDamageTest, ADatabaseOfSomebodyElse) {
    fill(sqlite);
    for (const char* change : {"PRAGMA application_id = 7", "DROP TABLE task",
                               "DELETE FROM meta WHERE key = 'schema_version'"}) {
        SCOPED_TRACE(change);
        SqliteStore store(loop);
        fs::copy_file(sqlite.file(), store.file());
        store::Database(store.file(), store::Database::Access::read_write, 1s).execute(change);
        expect_it_copes(store);
        EXPECT_TRUE(moved_aside(store));
    }
}

TEST_F(SqliteDamageTest, AFileOfALaterVersionIsLeftAlone) {
    fill(sqlite);
    store::Database(sqlite.file(), store::Database::Access::read_write, 1s)
        .execute(
            "UPDATE meta SET value = '99' WHERE key = 'schema_version';"
            "PRAGMA user_version = 99");
    try {
        sqlite.open();
        FAIL() << "opened";
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("version 99"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find(sqlite.file()), std::string::npos);
    }
    EXPECT_FALSE(moved_aside(sqlite));
}

TEST_F(SqliteDamageTest, ALogWithoutItsDatabaseAndADatabaseWithoutItsLog) {
    sqlite.open();
    for (int i = 0; i < runs; ++i) sqlite.run_and_end("a", noon + i * 1s);
    sqlite.settle();
    const std::string database = read(sqlite.file());
    const std::string log = read(sqlite.file() + "-wal");
    ASSERT_FALSE(log.empty());
    {
        SqliteStore store(loop);
        write(store.file() + "-wal", log);
        expect_it_copes(store);
        EXPECT_TRUE(moved_aside(store));
    }
    expect_it_copes_with(database);
    SqliteStore other(loop);
    fill(other);
    other.open();
    other.run_and_end("b", noon);
    other.settle();
    const std::string others_log = read(other.file() + "-wal");
    for (const auto& [of, with] :
         {std::pair(database, others_log), std::pair(read(other.file()), log)}) {
        SqliteStore store(loop);
        write(store.file(), of);
        write(store.file() + "-wal", with);
        expect_it_copes(store);
    }
}

TEST_F(SqliteDamageTest, CutOffAtEveryWriteItHasWhatWasCommittedUntilThen) {
    sqlite.open();
    const std::string begin = read(sqlite.file());
    for (int i = 0; i < runs; ++i) {
        sqlite.run_and_end("a", noon + i * 1s);
        sqlite.settle();
    }
    const std::string log = read(sqlite.file() + "-wal");
    constexpr std::size_t header = 32;
    constexpr std::size_t frame = 24 + 4096;
    ASSERT_GT(log.size(), header + 50 * frame);
    std::size_t before = 0;
    std::size_t tries = 0;
    for (std::size_t size = 0; size <= log.size(); size += tries % 8 == 0 ? frame / 2 : frame) {
        SCOPED_TRACE("the log cut off at " + std::to_string(size));
        ++tries;
        SqliteStore store(loop);
        write(store.file(), begin);
        write(store.file() + "-wal", log.substr(0, size));
        store.open();
        EXPECT_FALSE(store.degraded("history"));
        const auto left = store.recover();
        const auto found = store.history().runs({{}, {}, {}, 1000});
        // Always a beginning of what was told: nothing is missing before what is there.
        EXPECT_GE(found.size(), before);
        before = found.size();
        std::size_t unfinished = 0;
        for (std::size_t i = 0; i < found.size(); ++i) {
            EXPECT_EQ(found[i].instant, noon + (found.size() - 1 - i) * 1s);
            if (!found[i].result) ++unfinished;
        }
        EXPECT_EQ(left.runs.size(), unfinished);
        EXPECT_LE(unfinished, 1u);
    }
    EXPECT_EQ(before, static_cast<std::size_t>(runs));
}

TEST_F(SqliteDamageTest, WhatWasAnsweredIsThereAfterAKillAtAnyMoment) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::minstd_rand random(seed);
    sqlite.options.retention = {30, 1'000'000};
    std::vector<engine::RunId> answered;
    int instant = 0;
    for (int round = 0; round < 25; ++round) {
        std::array<int, 2> ends{};
        ASSERT_EQ(::pipe(ends.data()), 0);
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            ::close(ends[0]);
            sqlite.open();
            for (int i = instant; i < instant + 100; ++i) {
                const engine::RunId run = sqlite.run_and_end("a", noon + i * 1s);
                if (::write(ends[1], &run, sizeof run) != sizeof run) ::_exit(1);
            }
            ::pause();
        }
        ::close(ends[1]);
        engine::RunId run = 0;
        for (unsigned left = 1 + static_cast<unsigned>(random() % 60); left > 0; --left) {
            ASSERT_EQ(::read(ends[0], &run, sizeof run), ssize_t{sizeof run});
            answered.push_back(run);
        }
        // Somewhere within what it does next.
        for (unsigned spin = static_cast<unsigned>(random() % 20000); spin > 0; --spin)
            std::atomic_signal_fence({});
        ::kill(child, SIGKILL);
        while (::read(ends[0], &run, sizeof run) == ssize_t{sizeof run}) answered.push_back(run);
        ::close(ends[0]);
        ASSERT_EQ(::waitpid(child, nullptr, 0), child);
        instant = static_cast<int>(answered.size()) + round + 1;  // one may be without an answer

        sqlite.open();
        EXPECT_FALSE(sqlite.degraded("history"));
        sqlite.recover();
        auto history = sqlite.history();
        for (const engine::RunId id : answered) EXPECT_TRUE(history.run(id)) << id;
        EXPECT_LE(history.runs({{}, {}, {}, 100'000}).size(), answered.size() + round + 1);
        sqlite.close();
    }
}

TEST_F(SqliteDamageTest, DamageThatShowsLaterIsSaidAndTasksGoOn) {
    sqlite.open();
    sqlite.close();
    {
        // More than is examined at start, so that nothing of it is in memory.
        store::Database database(sqlite.file(), store::Database::Access::read_write, 1s);
        store::Transaction transaction(database);
        store::Statement task(database,
                              "INSERT INTO task (id, name, schedule, since) "
                              "VALUES (?, ?, 'once', 0)");
        store::Statement run(database,
                             "INSERT INTO run (id, task, instant, origin, claimed_at, ended_at,"
                             " outcome, reason) VALUES (?, 1, ?, 'schedule', 0, 0, 'SUCCESS', ?)");
        task.run(1, "a");
        const std::string reason(1500, 'x');
        for (int i = 1; i <= 12'000; ++i) run.run(i, noon + i * 1s, reason);
        transaction.commit();
    }
    ASSERT_GT(fs::file_size(sqlite.file()), std::uintmax_t{17} << 20);
    sqlite.options.retention = {30, 1'000'000'000};
    sqlite.options.wall_now = [] { return WallTime{}; };
    sqlite.open();
    sqlite.recover();
    sqlite.settle();
    {
        std::fstream file(sqlite.file(), std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(16 * 4096);
        const std::string garbage(fs::file_size(sqlite.file()) - 16 * 4096, '\xa5');
        file << garbage;
    }
    sqlite.store().use({30, 10}, Durability::normal);  // looks at all that is old
    for (int i = 1; !sqlite.corrupt && i < 1000; ++i) {
        EXPECT_TRUE(sqlite.claim("a", noon - i * 1h).has_value());
        sqlite.store().flush(20s);
        loop.restart();
        loop.poll();
    }
    ASSERT_TRUE(sqlite.corrupt);
    EXPECT_TRUE(sqlite.degraded("store"));
    EXPECT_TRUE(fs::exists(sqlite.file() + ".suspect"));
    ASSERT_TRUE(sqlite.claim("b", noon).has_value());
    EXPECT_FALSE(sqlite.claim("b", noon).has_value());
    EXPECT_FALSE(sqlite.store().flush(20s));
    sqlite.open();
    EXPECT_TRUE(sqlite.degraded("history"));
    EXPECT_TRUE(moved_aside(sqlite));
    EXPECT_FALSE(fs::exists(sqlite.file() + ".suspect"));
    EXPECT_TRUE(sqlite.claim("b", noon).has_value());
    EXPECT_TRUE(sqlite.store().flush(20s));
}

TEST_F(SqliteDamageTest, ASuspicionThatIsUnfoundedIsForgotten) {
    fill(sqlite);
    write(sqlite.file() + ".suspect", "");
    sqlite.open();
    EXPECT_FALSE(sqlite.degraded("history"));
    EXPECT_FALSE(fs::exists(sqlite.file() + ".suspect"));
    EXPECT_EQ(sqlite.history().runs({{}, {}, {}, 1000}).size(), static_cast<std::size_t>(runs));
}

}  // namespace
}  // namespace bansuri::testing
