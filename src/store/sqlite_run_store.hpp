// SPDX-License-Identifier: MIT
//
// The run store of a Bansuri that keeps its history: SQLite, in bansuri.db of the state directory.
//
// A thread of its own writes what the engine says, in the order in which it was said; all that came
// in meanwhile is one commit. When nothing can be written (the disk is full, read-only, broken) the
// records wait in memory, claims are answered from what can be read and what waits, and writing is
// tried again every second. On a full disk a reserve file is given back, and the history pruned to
// its retention; when that does not help the oldest tenth of it goes, once, and not again within an
// hour. A damaged file is moved aside at start. One that is removed while it is in use is begun
// anew, with all that is live.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>
#include <vector>

#include "engine/run_store.hpp"
#include "store/operation.hpp"
#include "store/sqlite_options.hpp"

namespace bansuri::store {

class StoreThread;

/// Lives on the loop. The constructor opens and reads the file, and blocks meanwhile; it throws
/// std::runtime_error, naming the file and the cause, when the directory cannot be used or the file
/// is of a later version. The destructor writes what can be written and forgets the rest; claims
/// without an answer then never get one. The loop must outlive the store.
class SqliteRunStore final : public engine::RunStore {
  public:
    SqliteRunStore(boost::asio::any_io_executor loop, SqliteOptions options);
    ~SqliteRunStore() override;
    SqliteRunStore(const SqliteRunStore&) = delete;
    SqliteRunStore& operator=(const SqliteRunStore&) = delete;

    boost::asio::awaitable<engine::Recovery> recover() override;
    void reserve_ids(engine::RunId id) override;
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

    /// News of the daemon, for RunHistory::events().
    void record_event(WallTime at, std::string kind, std::string text);
    /// From now on; after a reload.
    void use(Retention retention, Durability durability);
    /// Blocks until all that was told is written, `limit` at most: false if it is not.
    bool flush(Duration limit);

    /// The file, for SqliteHistory.
    static std::string file(const std::string& directory);

  private:
    boost::asio::any_io_executor loop_;
    std::unique_ptr<StoreThread> thread_;
};

}  // namespace bansuri::store
