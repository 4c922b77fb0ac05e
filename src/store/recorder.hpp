// SPDX-License-Identifier: MIT
//
// What the engine tells a store, as SQL. Works within a transaction that somebody else begins and
// commits, so that many of its calls can share one.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "engine/run_history.hpp"
#include "engine/run_store.hpp"
#include "store/database.hpp"
#include "store/output_keeper.hpp"

namespace bansuri::store {

/// The latest attempts of a run, and the latest events, that are kept.
inline constexpr std::uint32_t most_attempts = 1000;
inline constexpr std::uint64_t most_events = 10'000;

/// For the store's thread. Every call may throw DatabaseError.
class Recorder {
  public:
    Recorder(Database& database, OutputKeeper* output);

    engine::RunId take_id() { return next_id_++; }
    engine::RunId last_id() const { return next_id_ - 1; }
    void reserve_ids(engine::RunId id) { next_id_ = std::max(next_id_, id + 1); }

    /// True if there is a run or a skip for the instant.
    bool has(const std::string& task, WallTime instant);
    /// False: there is one.
    bool claim(engine::RunId run, const engine::Claim& claim);
    void reclaim(engine::RunId run, engine::Claim claim);
    void waits(const Task& task, const engine::Due& due, engine::Grid grid);
    void skipped(engine::RunId record, const Task& task, const engine::SkippedInstants& instants,
                 engine::Grid grid, WallTime at);
    /// These instants had their runs and skips, whose records are lost: none is to start again.
    void passed(const Task& task, engine::Grid grid, WallTime first, WallTime last,
                const std::optional<engine::Due>& accounted);
    void attempt_started(engine::RunId run, std::uint32_t attempt,
                         const engine::AttemptStart& start);
    void attempt_ended(engine::RunId run, std::uint32_t attempt, const engine::AttemptEnd& end);
    void finish(engine::RunId run, const std::string& task, const engine::AttemptResult& result,
                WallTime at, const engine::TaskMemory& memory);
    void remember(const std::string& task, const engine::TaskMemory& memory);
    void know(const Task& task, WallTime at);
    void forget_task(const std::string& task);
    void event(WallTime at, const std::string& kind, const std::string& text);
    /// From now on the records are of this session, to which runs with ids higher than `after`
    /// belong. What only the one before could go on with ends.
    void begin_session(const std::string& boot_id, const std::string& session, engine::RunId after,
                       WallTime at);

    /// After a commit: the output that moved into the database, and the tasks that have had enough
    /// new records for a look at their oldest.
    std::vector<engine::AttemptId> take_moved_output() { return std::exchange(moved_output_, {}); }
    std::vector<std::int64_t> take_grown() { return std::exchange(grown_, {}); }
    /// After a rollback: what was remembered of the tables may not be true.
    void forget();

  private:
    /// The latest record of a task, when it is one of skips: more of the same are counted there.
    struct LastSkip {
        engine::RunId record = 0;
        WallTime first;
        WallTime last;
        std::string reason;
    };
    struct TaskRow {
        std::int64_t id = 0;
        std::size_t schedule = 0;  ///< hash of its text
        int records = 0;           ///< since the last look at its oldest ones
        std::optional<LastSkip> last_skip{};
    };
    TaskRow* find(const std::string& task);
    TaskRow& row(const std::string& task, WallTime since);
    /// How far the task has come; an instant that it does not account for is nothing.
    void follow(TaskRow& row, const Task& task, engine::Grid grid,
                std::optional<WallTime> accounted, std::optional<MonoTime> tick);
    /// False: there is one. Whatever was skipped.
    bool make_run(engine::RunId run, const engine::Claim& claim);
    bool insert_run(engine::RunId run, TaskRow& row, const engine::Claim& claim);
    bool insert_skip(engine::RunId record, TaskRow& row, const engine::SkippedInstants& instants,
                     WallTime at);
    static bool was_skipped(const TaskRow& row, WallTime instant);
    /// False: the latest record of the task is not one that these go on with.
    bool extend_skip(TaskRow& row, const engine::SkippedInstants& instants, WallTime at);
    /// How many of these waited.
    int stop_waiting(std::int64_t task, WallTime first, WallTime last);
    void count_record(TaskRow& row);
    void write_memory(TaskRow& row, const engine::TaskMemory& memory);

    OutputKeeper* output_;
    std::unordered_map<std::string, TaskRow> tasks_;
    engine::RunId next_id_ = 1;
    std::int64_t next_task_ = 1;
    std::int64_t next_event_ = 1;
    std::int64_t waiting_ = 0;  // rows at most; mostly none, which saves a look at each claim
    std::vector<engine::AttemptId> moved_output_;
    std::vector<std::int64_t> grown_;

    Statement bounds_, find_task_, insert_task_, know_task_, forget_task_, stop_all_waiting_,
        follow_task_, account_, remember_, set_last_run_;
    Statement has_instant_, insert_run_, insert_reclaimed_, insert_skip_, extend_skip_, finish_run_;
    Statement wait_, stop_waiting_;
    Statement start_attempt_, end_attempt_, drop_attempts_, drop_outputs_, insert_output_;
    Statement insert_event_, drop_events_;
    Statement read_meta_, write_meta_, all_waiting_, clear_waiting_, clear_tasks_;
};

}  // namespace bansuri::store
