// SPDX-License-Identifier: MIT
#include "store/sqlite_run_store.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "store/database_file.hpp"
#include "store/store_thread.hpp"

namespace bansuri::store {
namespace asio = boost::asio;

SqliteRunStore::SqliteRunStore(asio::any_io_executor loop, SqliteOptions options)
    : loop_(loop), thread_(std::make_unique<StoreThread>(std::move(loop), std::move(options))) {}

SqliteRunStore::~SqliteRunStore() = default;

std::string SqliteRunStore::file(const std::string& directory) {
    return DatabaseFile(directory).path();
}

asio::awaitable<engine::Recovery> SqliteRunStore::recover() { co_return thread_->take_recovery(); }

void SqliteRunStore::reserve_ids(engine::RunId id) { thread_->push(ReserveIdsOperation{id}); }

void SqliteRunStore::know(std::vector<std::shared_ptr<const Task>> tasks, WallTime at) {
    thread_->push(KnowOperation{std::move(tasks), at});
}

asio::awaitable<Result<engine::RunId>> SqliteRunStore::claim(engine::Claim claim) {
    auto initiate = [this, &claim](auto handler) {
        auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        ClaimAnswer answer = [shared,
                              busy = asio::make_work_guard(loop_)](Result<engine::RunId> run) {
            std::move (*shared)(std::move(run));
        };
        thread_->push(ClaimOperation{std::move(claim), std::move(answer)});
    };
    // Bounded: what cannot be written is answered from memory, and the destructor drops the rest.
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&,
                                            void(Result<engine::RunId>)>(initiate,
                                                                         asio::use_awaitable);
}

void SqliteRunStore::reclaim(engine::RunId run, engine::Claim claim) {
    thread_->push(ClaimOperation{std::move(claim), {}, run, true});
}

void SqliteRunStore::waits(std::shared_ptr<const Task> task, engine::Due due, engine::Grid grid) {
    thread_->push(WaitsOperation{std::move(task), due, grid});
}

void SqliteRunStore::skipped(std::shared_ptr<const Task> task,
                             const engine::SkippedInstants& instants, engine::Grid grid,
                             WallTime at) {
    thread_->push(SkippedOperation{std::move(task), instants, grid, at});
}

void SqliteRunStore::attempt_started(engine::RunId run, std::uint32_t attempt,
                                     const engine::AttemptStart& start) {
    thread_->push(AttemptStartedOperation{run, attempt, start});
}

void SqliteRunStore::attempt_ended(engine::RunId run, std::uint32_t attempt,
                                   const engine::AttemptEnd& end,
                                   std::shared_ptr<void> until_committed) {
    thread_->push(AttemptEndedOperation{run, attempt, end, std::move(until_committed)});
}

void SqliteRunStore::finish(engine::RunId run, const std::string& task,
                            const engine::AttemptResult& result, WallTime at,
                            const engine::TaskMemory& memory) {
    thread_->push(FinishOperation{run, task, result, at, memory});
}

void SqliteRunStore::forget(const std::string& task) { thread_->push(ForgetOperation{task}); }

void SqliteRunStore::remember(const std::string& task, const engine::TaskMemory& memory) {
    thread_->push(RememberOperation{task, memory});
}

void SqliteRunStore::record_event(WallTime at, std::string kind, std::string text) {
    thread_->push(EventOperation{at, std::move(kind), std::move(text)});
}

void SqliteRunStore::use(Retention retention, Durability durability) {
    thread_->push(UseOperation{retention, durability});
}

bool SqliteRunStore::flush(Duration limit) {
    auto written = std::make_shared<std::promise<bool>>();
    auto until_written = written->get_future();
    thread_->push(FlushOperation{std::move(written)});
    return until_written.wait_for(limit) == std::future_status::ready && until_written.get();
}

}  // namespace bansuri::store
