// SPDX-License-Identifier: MIT
//
// What keeping history costs: runs a second through SqliteRunStore with so many of them at once,
// and how long opening, recovering and reading take with a long history. Prints a table and one
// line of JSON.
//
//   bench_store [RUNS A ROUND] [RECORDS...]
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "store/sqlite_history.hpp"
#include "store/sqlite_run_store.hpp"

namespace {

using namespace bansuri;
namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr int tasks = 1000;
constexpr WallTime begin_of_history{std::chrono::hours(24 * 365 * 55)};

double milliseconds_since(Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

MonoTime boot_time() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return MonoTime(std::chrono::seconds(now.tv_sec) +
                    std::chrono::microseconds(now.tv_nsec / 1000));
}

double resident_megabytes() {
    std::ifstream file("/proc/self/statm");
    double total = 0;
    double resident = 0;
    file >> total >> resident;
    return resident * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

struct Directory {
    Directory() {
        std::string name =
            (std::filesystem::temp_directory_path() / "bansuri-bench-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr) std::abort();
        path = name;
    }
    ~Directory() { std::filesystem::remove_all(path); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    std::string path;
};

store::SqliteOptions options(const std::string& directory, engine::Health& health) {
    store::SqliteOptions made;
    made.directory = directory;
    made.boot_id = "boot";
    made.session = "session";
    made.health = &health;
    made.retention = {36500, 1'000'000'000};
    made.wall_now = [] { return begin_of_history; };
    made.mono_now = boot_time;
    return made;
}

std::vector<std::shared_ptr<const Task>> some_tasks() {
    std::vector<std::shared_ptr<const Task>> made;
    for (int i = 0; i < tasks; ++i) {
        Task task;
        task.name = "task-" + std::to_string(i);
        task.schedule = Timer{std::chrono::seconds(1)};
        made.push_back(std::make_shared<const Task>(std::move(task)));
    }
    return made;
}

asio::awaitable<void> runner(store::SqliteRunStore& store,
                             const std::vector<std::shared_ptr<const Task>>& all, int first,
                             int step, int runs) {
    const engine::AttemptResult success{Outcome::success, ExitStatus::exited(0)};
    for (int i = first; i < runs; i += step) {
        const auto& task = all[static_cast<std::size_t>(i % tasks)];
        const WallTime at = begin_of_history + std::chrono::seconds(i / tasks);
        engine::Claim claim{task, {at, MonoTime(at.time_since_epoch())}, {}, {}, at};
        const auto run = co_await store.claim(std::move(claim));
        store.attempt_started(*run, 1, {{4711, 99, 1, 2}, at});
        store.attempt_ended(*run, 1, {success, at}, nullptr);
        store.finish(*run, task->name, success, at, {1, false, TaskState::success, 0, false});
    }
}

/// Runs a second.
double through_the_store(int runs, int at_once) {
    const Directory directory;
    engine::Health health;
    asio::io_context loop;
    store::SqliteRunStore store(loop.get_executor(), options(directory.path, health));
    const auto all = some_tasks();
    const auto begin = Clock::now();
    for (int i = 0; i < at_once; ++i) {
        asio::co_spawn(loop, runner(store, all, i, at_once, runs), asio::detached);
    }
    loop.run();
    store.flush(std::chrono::minutes(1));
    return runs / milliseconds_since(begin) * 1000;
}

void fill(const std::string& directory, int records) {
    engine::Health health;
    asio::io_context loop;
    {
        store::SqliteRunStore store(loop.get_executor(), options(directory, health));
        store.know(some_tasks(), begin_of_history);
        store.flush(std::chrono::minutes(1));
    }
    store::Database database(store::SqliteRunStore::file(directory),
                             store::Database::Access::read_write, std::chrono::seconds(1));
    store::Statement run(
        database,
        "INSERT INTO run (id, task, instant, origin, claimed_at, ended_at, outcome, status_kind,"
        " status_number, core_dumped, reason, elapsed, attempts)"
        " VALUES (?, ?, ?, 'schedule', ?, ?, ?, 'exited', ?, 0, '', 1000, 1)");
    store::Statement attempt(
        database,
        "INSERT INTO attempt (run, number, pid, start_time, output_pipe, error_pipe, started_at,"
        " begun, output_offset, error_offset, ended_at, outcome, status_kind, status_number,"
        " core_dumped, reason, elapsed, survivors, output_bytes) VALUES"
        " (?, 1, 4711, 99, 1, 2, ?, ?, 0, 0, ?, ?, 'exited', ?, 0, '', 1000, '', 0)");
    store::Transaction transaction(database);
    for (int i = 0; i < records; ++i) {
        const WallTime at = begin_of_history + std::chrono::seconds(i / tasks);
        const bool failed = i % 1000 == 7;
        const char* const outcome = failed ? "FAILED" : "SUCCESS";
        run.run(i + 1, i % tasks + 1, at, at, at, outcome, failed ? 1 : 0);
        attempt.run(i + 1, at, at, at, outcome, failed ? 1 : 0);
    }
    transaction.commit();
}

struct LongHistory {
    int records = 0;
    double megabytes = 0;
    double open_ms = 0;
    double resident_mb = 0;
    double slowest_query_ms = 0;
};

LongHistory with_records(int records) {
    const Directory directory;
    fill(directory.path, records);
    LongHistory found;
    found.records = records;
    const std::string file = store::SqliteRunStore::file(directory.path);
    found.megabytes = static_cast<double>(std::filesystem::file_size(file)) / 1e6;
    engine::Health health;
    asio::io_context loop;
    auto begin = Clock::now();
    store::SqliteRunStore store(loop.get_executor(), options(directory.path, health));
    asio::co_spawn(loop, store.recover(), [](std::exception_ptr, engine::Recovery) {});
    loop.run();
    found.open_ms = milliseconds_since(begin);

    store::SqliteHistory history(file);
    const std::vector<engine::HistoryQuery> queries = {
        {{}, {}, {}, 20},
        {"task-500", {}, {}, 20},
        {{}, Outcome::failed, {}, 100},
        {{}, Outcome::lost, {}, 100},
        {"task-7", Outcome::failed, {}, 20},
        {"task-500", Outcome::timeout, {}, 20},
        {"task-500", {}, static_cast<engine::RunId>(records) / 2, 100},
        {{}, Outcome::success, {}, 100},
        {{}, {}, {}, 1000},
    };
    for (const auto& query : queries) {
        begin = Clock::now();
        const auto answer = history.runs(query);
        for (std::size_t i = 0; i < std::min<std::size_t>(answer.size(), 1); ++i) {
            history.attempts(answer[i].id);
        }
        found.slowest_query_ms = std::max(found.slowest_query_ms, milliseconds_since(begin));
    }
    found.resident_mb = resident_megabytes();
    return found;
}

}  // namespace

int main(int argc, char** argv) {
    const int runs = argc > 1 ? std::atoi(argv[1]) : 50'000;
    std::vector<int> sizes;
    for (int i = 2; i < argc; ++i) sizes.push_back(std::atoi(argv[i]));
    if (sizes.empty()) sizes = {100'000, 1'000'000};
    // Before the rounds, whose memory would count as well.
    std::vector<LongHistory> histories;
    for (const int size : sizes) histories.push_back(with_records(size));
    std::string json = "{\"bench\":\"store\",\"runs_per_second\":{";
    std::printf("%-12s %s\n", "at once", "runs/s (claim, start, end, finish)");
    bool first = true;
    for (const int at_once : {1, 8, 64, 512}) {
        const double rate = through_the_store(at_once == 1 ? runs / 10 : runs, at_once);
        std::printf("%-12d %.0f\n", at_once, rate);
        json += (first ? "\"" : ",\"") + std::to_string(at_once) +
                "\":" + std::to_string(static_cast<int>(rate));
        first = false;
    }
    json += "},\"histories\":[";
    std::printf("%-12s %-10s %-22s %-10s %s\n", "records", "file MB", "open and recover ms",
                "RSS MB", "slowest question ms");
    first = true;
    for (const LongHistory& found : histories) {
        std::printf("%-12d %-10.0f %-22.1f %-10.1f %.2f\n", found.records, found.megabytes,
                    found.open_ms, found.resident_mb, found.slowest_query_ms);
        std::array<char, 200> line{};
        std::snprintf(line.data(), line.size(),
                      "%s{\"records\":%d,\"file_mb\":%.1f,\"open_ms\":%.1f,\"rss_mb\":%.1f,"
                      "\"slowest_question_ms\":%.2f}",
                      first ? "" : ",", found.records, found.megabytes, found.open_ms,
                      found.resident_mb, found.slowest_query_ms);
        json += line.data();
        first = false;
    }
    std::printf("%s]}\n", json.c_str());
}
