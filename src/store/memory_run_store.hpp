// SPDX-License-Identifier: MIT
//
// The run store of a Bansuri that keeps no history: the latest runs of each task, in memory.
#pragma once

#include <deque>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/run_store.hpp"

namespace bansuri::store {

struct RecordedAttempt {
    std::uint32_t attempt = 0;
    pid_t pid = 0;  ///< 0: it never started
    WallTime started{};
    std::optional<WallTime> ended;
    engine::AttemptResult result;
};

struct RecordedRun {
    engine::RunId id = 0;
    std::string task;
    WallTime instant{};
    std::vector<RecordedAttempt> attempts;
    std::optional<engine::AttemptResult> result;  ///< nothing while it is alive
};

/// Lives on the engine's loop. Runs beyond `kept_per_task` are forgotten, the oldest ended first;
/// an instant that was forgotten can be claimed again.
class MemoryRunStore final : public engine::RunStore {
  public:
    explicit MemoryRunStore(std::size_t kept_per_task = 100) : kept_per_task_(kept_per_task) {}

    boost::asio::awaitable<Result<engine::RunId>> claim(std::string task,
                                                        WallTime instant) override;
    void attempt_started(engine::RunId run, std::uint32_t attempt, pid_t pid, WallTime at) override;
    void attempt_ended(engine::RunId run, std::uint32_t attempt,
                       const engine::AttemptResult& result, WallTime at) override;
    void finish(engine::RunId run, const engine::AttemptResult& result, WallTime at) override;
    void skipped(const std::string& task, const engine::SkippedInstants& instants) override;

    /// Kept of one run; a service that is restarted for ever has no end of them.
    static constexpr std::size_t most_attempts = 100;

    /// Oldest first.
    std::vector<RecordedRun> runs(const std::string& task) const;
    std::vector<engine::SkippedInstants> skips(const std::string& task) const;

  private:
    struct TaskHistory {
        std::deque<engine::RunId> runs;
        std::set<WallTime> claimed;
        std::deque<engine::SkippedInstants> skipped;
    };
    RecordedAttempt& attempt_of(engine::RunId run, std::uint32_t attempt, WallTime at);
    void forget_old(TaskHistory& history);

    std::size_t kept_per_task_;
    engine::RunId last_id_ = 0;
    std::unordered_map<std::string, TaskHistory> tasks_;
    std::unordered_map<engine::RunId, RecordedRun> runs_;
};

}  // namespace bansuri::store
