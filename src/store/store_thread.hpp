// SPDX-License-Identifier: MIT
//
// The thread behind SqliteRunStore: takes what came in, writes it in one transaction, answers, and
// uses the time between for pruning. What it does when it cannot write is told there.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "store/backlog.hpp"
#include "store/database_file.hpp"
#include "store/examiner.hpp"
#include "store/known_tasks.hpp"
#include "store/operation.hpp"
#include "store/pruner.hpp"
#include "store/recorder.hpp"
#include "store/reserve_file.hpp"
#include "store/sqlite_options.hpp"

namespace bansuri::store {

/// push() and take_recovery() from the loop; everything else is the thread's own.
class StoreThread {
  public:
    /// Opens the file; throws as SqliteRunStore says.
    StoreThread(boost::asio::any_io_executor loop, SqliteOptions options);
    /// One more attempt to write what waits.
    ~StoreThread();
    StoreThread(const StoreThread&) = delete;
    StoreThread& operator=(const StoreThread&) = delete;

    void push(Operation operation);
    engine::Recovery take_recovery() { return std::move(recovery_); }

  private:
    /// What goes with one open database: its cached statements.
    struct Connection {
        Connection(Database opened, const SqliteOptions& options)
            : database(std::move(opened)),
              recorder(database, options.output),
              pruner(database, options.output, options.retention) {}
        Database database;
        Recorder recorder;
        Pruner pruner;
    };
    enum class State {
        writing,
        failing,  ///< what is told waits; tried again later
        lost,     ///< the file is damaged; nothing more is written until the next start
    };
    /// What the loop is to be told in one go.
    struct News {
        std::vector<std::function<void()>> calls;
        Backlog::Tokens tokens;
    };

    void open();
    void connect(Database database);
    void start_threads();
    void work();
    bool take();
    bool may_write(Duration within = Duration::zero()) const;
    void write_batch();
    void apply(Operation& operation);
    void become_known(const std::shared_ptr<const Task>& task, WallTime at);
    void apply_known(const std::string& task);
    void write_known();
    void deliver(std::size_t count);
    void keep_house();

    void fail(const DatabaseError& error);
    void reject(std::size_t index, const std::string& why);
    void give_up(const std::string& why);
    void make_room();
    void checkpoint();
    void reconnect();
    void look_for_file();
    void begin_anew();
    void recovered();
    void answer_claims();
    void trim();
    void report(const std::string& kind, const std::string& text);
    void tell(News news);
    engine::RunId last_id() const { return connection_->recorder.last_id(); }
    void set_durability();

    boost::asio::any_io_executor loop_;
    SqliteOptions options_;
    DatabaseFile file_;
    ReserveFile reserve_;
    engine::Recovery recovery_;
    engine::RunId session_after_ = 0;  ///< later runs are of this session
    std::unique_ptr<Connection> connection_;

    Backlog backlog_;
    KnownTasks known_;
    std::vector<std::shared_ptr<std::promise<bool>>> flushes_;  // to be told when all is written
    std::optional<std::size_t> applying_;  // index of the operation that is being written

    State state_ = State::writing;
    MonoTime next_try_{};
    MonoTime next_look_{};  // at the reserve, and at what became too old
    unsigned tries_ = 0;    // that failed in a row
    int looks_ = 0;
    int rejections_ = 0;
    bool disk_full_ = false;                     // as the last failure said
    bool reserve_used_ = false;                  // and not made again yet
    std::optional<engine::RunId> oldest_tenth_;  // of the history, which goes when the disk is full
    MonoTime next_tenth_{};
    bool durability_due_ = false;  // it could not be set
    bool file_gone_ = false;       // and no other could be made
    std::size_t dropped_ = 0;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Operation> incoming_;          // guarded by mutex_
    bool stopping_ = false;                    // guarded by mutex_
    std::optional<std::string> found_damage_;  // guarded by mutex_
    bool unexamined_ = false;
    std::thread writer_;
    std::unique_ptr<Examiner> examiner_;  // of a large file
};

}  // namespace bansuri::store
