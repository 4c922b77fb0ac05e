// SPDX-License-Identifier: MIT
//
// A daemon that is not there: what it would answer is set by the test, and what it was asked is
// kept. Its history is in memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "http/backend.hpp"
#include "support/task_builder.hpp"

namespace bansuri::testing {

/// For the server's thread; a test that changes it while it serves takes `mutex`.
class FakeHistory final : public engine::RunHistory {
  public:
    std::vector<engine::RunRecord> runs(const engine::HistoryQuery& query) override {
        const std::lock_guard lock(mutex);
        if (broken) throw std::runtime_error("disk I/O error in /secret/place");
        std::vector<engine::RunRecord> found;
        for (auto record = records.rbegin(); record != records.rend(); ++record) {
            if (found.size() == query.limit) break;
            if (query.task && record->task != *query.task) continue;
            if (query.before && record->id >= *query.before) continue;
            if (query.without_skips && record->result &&
                record->result->outcome == Outcome::skipped) {
                continue;
            }
            if (query.outcome && (!record->result || record->result->outcome != *query.outcome)) {
                continue;
            }
            found.push_back(*record);
        }
        return found;
    }
    std::optional<engine::RunRecord> run(engine::RunId id) override {
        const std::lock_guard lock(mutex);
        for (const auto& record : records) {
            if (record.id == id) return record;
        }
        return std::nullopt;
    }
    std::vector<engine::AttemptRecord> attempts(engine::RunId id) override {
        const std::lock_guard lock(mutex);
        return attempt_records[id];
    }
    std::optional<engine::OutputPiece> output(engine::RunId id, std::uint32_t attempt,
                                              engine::OutputChoice choice, std::uint64_t position,
                                              std::size_t limit) override {
        choices.push_back(choice);
        const std::lock_guard lock(mutex);
        const auto found = outputs.find({id, attempt});
        if (found == outputs.end()) return std::nullopt;
        engine::OutputPiece piece;
        piece.begin = piece.end = position;
        std::uint64_t at = 0;
        for (const auto& span : found->second.spans) {
            const std::uint64_t from = std::clamp(position, at, at + span.bytes.size());
            const std::size_t size = std::min<std::size_t>(at + span.bytes.size() - from,
                                                           limit - (piece.end - piece.begin));
            if (size > 0) {
                piece.spans.push_back({span.is_error, span.bytes.substr(from - at, size)});
                piece.end = from + size;
            }
            at += span.bytes.size();
        }
        piece.missing = position == 0 ? found->second.missing : 0;
        piece.complete = found->second.complete && piece.end == at;
        return piece;
    }
    std::vector<engine::EventRecord> events(std::size_t limit) override {
        const std::lock_guard lock(mutex);
        return {event_records.begin(),
                event_records.begin() + std::min(limit, event_records.size())};
    }

    std::mutex mutex;
    std::vector<engine::OutputChoice> choices;  ///< of the outputs that were asked for
    bool broken = false;
    std::vector<engine::RunRecord> records;  ///< oldest first
    std::map<engine::RunId, std::vector<engine::AttemptRecord>> attempt_records;
    std::map<std::pair<engine::RunId, std::uint32_t>, engine::OutputPiece> outputs;
    std::vector<engine::EventRecord> event_records;
};

class FakeBackend final : public http::Backend {
  public:
    explicit FakeBackend(FakeHistory& history) : history_(history) {}

    http::Identity identity() const override { return {"1.2.3", 4711, number}; }
    void status(std::vector<std::string> names, Done<http::StatusAnswer> done) override {
        if (silent) return;
        http::StatusAnswer answer{daemon, {}};
        for (const auto& task : tasks) {
            if (names.empty() ||
                std::find(names.begin(), names.end(), task.task->name) != names.end()) {
                answer.tasks.push_back(task);
            }
        }
        done(answer);
    }
    void reload(Done<Result<http::ReloadAnswer>> done) override {
        asked += "reload ";
        done(reload_answer);
    }
    void shutdown(Done<Result<void>> done) override {
        asked += "shutdown ";
        ++ends_asked_;
        done(end_answer);
    }
    void restart_daemon(Done<Result<void>> done) override {
        asked += "restart-daemon ";
        ++ends_asked_;
        done(end_answer);
    }
    engine::RunHistory& history() override { return history_; }
    void report(const std::string& what) override { reports += what + "\n"; }

    /// From another thread: until it was asked so often to end or to restart.
    bool waits_for_ends(int times) const {
        for (int i = 0; i < 20'000 && ends_asked_ < times; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return ends_asked_ >= times;
    }

    std::atomic<std::uint64_t> number{3};
    std::atomic<bool> silent{false};
    engine::DaemonStatus daemon;
    std::vector<engine::TaskStatus> tasks;
    Result<http::ReloadAnswer> reload_answer;
    Result<void> end_answer;
    std::string asked;
    std::string reports;

  private:
    FakeHistory& history_;
    std::atomic<int> ends_asked_{0};
};

inline engine::TaskStatus status_of(const TaskBuilder& task) {
    engine::TaskStatus status;
    status.task = task.build();
    return status;
}

}  // namespace bansuri::testing
