// SPDX-License-Identifier: MIT
//
// A SqliteRunStore in a directory of its own, for its tests.
#pragma once

#include <time.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "contract/run_store_contract.hpp"
#include "store/sqlite_history.hpp"
#include "store/sqlite_run_store.hpp"
#include "support/temporary_directory.hpp"

namespace bansuri::testing {

/// The real clock: the thread waits by it.
inline MonoTime boot_time() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return MonoTime(std::chrono::seconds(now.tv_sec) +
                    std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(now.tv_nsec)));
}

/// In memory where there is such a place: thousands of files are made, each synced several times.
inline std::filesystem::path fast_directory() {
    constexpr const char* shared_memory = "/dev/shm";
    if (::access(shared_memory, W_OK) == 0) return shared_memory;
    return std::filesystem::temp_directory_path();
}

class SqliteStore {
  public:
    explicit SqliteStore(boost::asio::io_context& loop) : loop_(loop) {
        options.directory = directory.path("");
        options.directory.pop_back();
        options.boot_id = "boot";
        options.session = "session";
        options.health = &health;
        options.wall_now = [] { return noon; };
        options.mono_now = boot_time;
        options.on_event = [this](const engine::EventRecord& event) { events.push_back(event); };
        options.on_corrupt = [this](const std::string& why) { corrupt = why; };
    }
    store::SqliteRunStore& open() {
        store_.reset();
        store_ = std::make_unique<store::SqliteRunStore>(loop_.get_executor(), options);
        return *store_;
    }
    void close() { store_.reset(); }
    store::SqliteRunStore& store() { return *store_; }
    store::SqliteHistory history() const { return store::SqliteHistory(file()); }
    std::string file() const { return store::SqliteRunStore::file(options.directory); }
    /// Returns when all is written and its answers have been given.
    void settle() {
        if (!store_->flush(std::chrono::seconds(20))) throw std::runtime_error("never written");
        loop_.restart();
        loop_.poll();
    }
    Result<engine::RunId> claim(const std::string& name, WallTime instant) {
        const engine::Claim wanted{task(name).build(), {instant, {}}, {}, {}, instant};
        return answer_of(loop_, store_->claim(wanted));
    }
    engine::RunId run_and_end(const std::string& name, WallTime instant) {
        const engine::RunId run = claim(name, instant).value();
        store_->attempt_started(run, 1, {{4711, 1, 0, 0}, instant});
        store_->attempt_ended(run, 1, {{Outcome::success, ExitStatus::exited(0)}, instant}, {});
        store_->finish(run, name, {Outcome::success, ExitStatus::exited(0)}, instant, {});
        return run;
    }
    engine::Recovery recover() { return answer_of(loop_, store_->recover()); }
    bool degraded(const std::string& component) const {
        for (const auto& problem : health.problems()) {
            if (problem.component == component) return true;
        }
        return false;
    }
    bool reported(const std::string& kind) const { return count(kind) > 0; }
    int count(const std::string& kind) const {
        int found = 0;
        for (const auto& event : events) found += event.kind == kind ? 1 : 0;
        return found;
    }

    TemporaryDirectory directory{fast_directory()};
    engine::Health health;
    std::vector<engine::EventRecord> events;
    std::optional<std::string> corrupt;
    store::SqliteOptions options;

  private:
    boost::asio::io_context& loop_;
    std::unique_ptr<store::SqliteRunStore> store_;
};

}  // namespace bansuri::testing
