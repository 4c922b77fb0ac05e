// SPDX-License-Identifier: MIT
//
// The run store of a Bansuri that keeps no history: the latest runs of each task, in memory.
#pragma once

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/run_store.hpp"

namespace bansuri::store {

struct RecordedAttempt {
    std::uint32_t attempt = 0;
    std::optional<engine::AttemptStart> start;  ///< nothing: it never started
    std::optional<engine::AttemptEnd> end;
};

struct RecordedRun {
    engine::RunId id = 0;
    std::string task;
    engine::Due due;
    engine::RunOrigin origin = engine::RunOrigin::schedule;
    std::vector<RecordedAttempt> attempts;
    std::optional<engine::AttemptResult> result;  ///< nothing while it is alive
};

/// Lives on the engine's loop. Runs beyond `kept_per_task` are forgotten, the oldest ended first;
/// an instant that was forgotten can be claimed again.
class MemoryRunStore final : public engine::RunStore {
  public:
    explicit MemoryRunStore(std::size_t kept_per_task = 100) : kept_per_task_(kept_per_task) {}

    boost::asio::awaitable<engine::Recovery> recover() override;
    void reserve_ids(engine::RunId id) override { last_id_ = std::max(last_id_, id); }
    void know(std::vector<std::shared_ptr<const Task>> tasks, WallTime at) override;
    void forget(const std::string& task) override;
    boost::asio::awaitable<Result<engine::RunId>> claim(engine::Claim claim) override;
    void reclaim(engine::RunId run, engine::Claim claim) override;
    void waits(std::shared_ptr<const Task> task, engine::Due due, engine::Grid grid) override;
    void skipped(std::shared_ptr<const Task> task, const engine::SkippedInstants& instants,
                 engine::Grid grid, WallTime at) override;
    void attempt_started(engine::RunId run, std::uint32_t attempt,
                         const engine::AttemptStart& start) override;
    void attempt_ended(engine::RunId run, std::uint32_t attempt, const engine::AttemptEnd& end,
                       std::shared_ptr<void> until_committed) override;
    void finish(engine::RunId run, const std::string& task, const engine::AttemptResult& result,
                WallTime at, const engine::TaskMemory& memory) override;
    void remember(const std::string& task, const engine::TaskMemory& memory) override;

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
        engine::TaskProgress progress;
    };
    RecordedAttempt& attempt_of(engine::RunId run, std::uint32_t attempt);
    TaskHistory& follow(const Task& task, engine::Grid grid);
    static void account(TaskHistory& history, WallTime instant, std::optional<MonoTime> tick);
    void record(engine::RunId run, const engine::Claim& claim);
    void forget_old(TaskHistory& history);

    std::size_t kept_per_task_;
    engine::RunId last_id_ = 0;
    std::unordered_map<std::string, TaskHistory> tasks_;
    std::unordered_map<engine::RunId, RecordedRun> runs_;
};

}  // namespace bansuri::store
