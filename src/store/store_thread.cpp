// SPDX-License-Identifier: MIT
#include "store/store_thread.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/crash_point.hpp"
#include "core/iso8601.hpp"
#include "store/quiet_thread.hpp"
#include "store/recovery.hpp"

namespace bansuri::store {
namespace {

// Bounds the time for which nobody is answered; large enough that the commit itself costs little.
constexpr std::size_t most_in_a_batch = 2000;
constexpr std::size_t known_in_a_batch = 1000;

constexpr Duration look_interval = std::chrono::minutes(1);
constexpr int looks_between_ages = 60;

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

}  // namespace

StoreThread::StoreThread(boost::asio::any_io_executor loop, SqliteOptions options)
    : loop_(std::move(loop)),
      options_(std::move(options)),
      file_(options_.directory),
      reserve_(options_.directory) {
    for (bool opened = false; !opened;) {
        try {
            open();
            opened = true;
        } catch (const DatabaseError& error) {
            // Opening needs room as well.
            if (error.is_full() && reserve_.release()) continue;
            throw std::runtime_error(fmt::format("open \"{}\": {}", file_.path(), error.what()));
        }
    }
    reserve_.make();
    backlog_.push(SessionOperation{session_after_, options_.wall_now()});
    next_look_ = options_.mono_now() + look_interval;
    start_threads();
}

void StoreThread::open() {
    auto opened = file_.open(options_.wall_now(), [this](Database& database) {
        const Recorder every_table(database, nullptr);
        recovery_ = read_recovery(database, options_.boot_id, options_.session);
    });
    session_after_ = recovery_.last_id;
    connect(std::move(opened.database));
    unexamined_ = opened.unexamined;
    if (!opened.mended.empty()) {
        report("store-mended",
               fmt::format("an index of \"{}\" was damaged ({}); all were made anew "
                           "from their tables, and nothing is lost",
                           file_.path(), opened.mended));
    }
    if (opened.moved_aside.empty()) return;
    const std::string text = fmt::format(
        "\"{}\" was damaged ({}); it lies beside as \"{}\", and the history begins anew",
        file_.path(), opened.why, opened.moved_aside);
    options_.health->degrade("history", text);
    report("store-moved-aside", text);
}

void StoreThread::connect(Database database) {
    auto fresh = std::make_unique<Connection>(std::move(database), options_);
    if (connection_) fresh->recorder.reserve_ids(last_id());
    connection_ = std::move(fresh);
    set_durability();
}

/// Tried again with the next batch if it cannot be done: a record that may be lost with the machine
/// is better than none.
void StoreThread::set_durability() {
    const bool full = options_.durability == Durability::full;
    try {
        connection_->database.execute(full ? "PRAGMA synchronous = FULL"
                                           : "PRAGMA synchronous = NORMAL");
    } catch (const DatabaseError& error) {
        durability_due_ = true;
        options_.health->degrade("durability", fmt::format("\"{}\" cannot be set: {}",
                                                           full ? "full" : "normal", error.what()));
        return;
    }
    if (std::exchange(durability_due_, false)) options_.health->recover("durability");
}

void StoreThread::start_threads() {
    writer_ = quiet_thread([this] { work(); });
    if (!unexamined_) return;
    examiner_ = std::make_unique<Examiner>(file_.path(), [this](const std::string& damage) {
        {
            const std::lock_guard lock(mutex_);
            found_damage_ = damage;
        }
        changed_.notify_all();
    });
}

StoreThread::~StoreThread() {
    examiner_.reset();
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    writer_.join();
}

void StoreThread::push(Operation operation) {
    {
        const std::lock_guard lock(mutex_);
        incoming_.push_back(std::move(operation));
        if (incoming_.size() > 1) return;  // the thread has been told
    }
    changed_.notify_all();
}

// ---- the thread
// ----------------------------------------------------------------------------------

void StoreThread::work() {
    for (bool stopping = false; !stopping;) {
        stopping = take();
        if (state_ != State::writing) answer_claims();
        if (stopping && state_ == State::failing) next_try_ = options_.mono_now();
        do {
            if (state_ == State::failing && may_write() && disk_full_) make_room();
            if (may_write()) write_batch();
            if (stopping && state_ == State::writing) write_known();
            // What the next daemon is to find must not be in a file that nobody finds.
            if (stopping && state_ == State::writing) look_for_file();
        } while (stopping && state_ != State::lost && tries_ == 0 &&
                 !(backlog_.empty() && known_.empty()));
        if (!stopping && state_ == State::writing) keep_house();
        if (state_ == State::writing && backlog_.empty() && known_.empty()) {
            for (const auto& flush : std::exchange(flushes_, {})) flush->set_value(true);
        }
        if (state_ != State::writing) trim();
    }
}

/// Waits until there is something to do, and takes what came in. True: the store is to end.
bool StoreThread::take() {
    std::unique_lock lock(mutex_);
    const auto something = [this] { return !incoming_.empty() || stopping_ || found_damage_; };
    const bool busy = state_ == State::writing &&
                      (!backlog_.empty() || !known_.empty() || connection_->pruner.has_work());
    if (!busy && !something()) {
        Duration wait = look_interval;
        if (state_ == State::writing) wait = next_look_ - options_.mono_now();
        if (may_write(options_.bounds.retry)) wait = next_try_ - options_.mono_now();
        changed_.wait_for(lock, std::clamp(wait, Duration::zero(), look_interval), something);
    }
    std::vector<Operation> taken = std::exchange(incoming_, {});
    const auto damage = std::exchange(found_damage_, std::nullopt);
    const bool stopping = stopping_;
    lock.unlock();
    for (Operation& operation : taken) {
        const auto* const flush = std::get_if<FlushOperation>(&operation);
        if (flush != nullptr && state_ == State::lost) {
            flush->written->set_value(false);
        } else {
            backlog_.push(std::move(operation));
        }
    }
    if (damage) give_up(*damage);
    return stopping;
}

/// Now, or within so long if nothing happens before.
bool StoreThread::may_write(Duration within) const {
    if (backlog_.empty()) return false;
    if (state_ == State::failing) return next_try_ <= options_.mono_now() + within;
    return state_ == State::writing;
}

void StoreThread::write_batch() {
    const std::size_t size = std::min(backlog_.size(), most_in_a_batch);
    if (durability_due_) set_durability();
    try {
        bool intents = false;
        bool results = false;
        Transaction transaction(connection_->database);
        for (std::size_t index = 0; index < size; ++index) {
            applying_ = index;
            apply(backlog_[index]);
            intents = intents || std::holds_alternative<ClaimOperation>(backlog_[index]);
            results = results || std::holds_alternative<FinishOperation>(backlog_[index]);
        }
        applying_.reset();
        if (intents) crash_point("before-intent");
        if (results) crash_point("before-result");
        transaction.commit();
        if (intents) crash_point("after-intent");
        if (results) crash_point("after-result");
    } catch (const DatabaseError& error) {
        known_.roll_back();
        fail(error);
        return;
    }
    known_.commit();
    deliver(size);
    recovered();
}

void StoreThread::apply(Operation& operation) {
    Recorder& recorder = connection_->recorder;
    std::visit(
        Overloaded{
            [](NoOperation&) {},
            [&](ClaimOperation& op) {
                apply_known(op.claim.task->name);
                if (op.reclaimed) {
                    recorder.reclaim(op.run, op.claim);
                    return;
                }
                if (op.run == 0) op.run = recorder.take_id();
                // One that was answered from memory runs already: whatever is written, it ran.
                if (!op.answer) {
                    recorder.reclaim(op.run, op.claim);
                } else {
                    op.refused = !recorder.claim(op.run, op.claim);
                }
            },
            [&](WaitsOperation& op) {
                apply_known(op.task->name);
                recorder.waits(*op.task, op.due, op.grid);
            },
            [&](SkippedOperation& op) {
                apply_known(op.task->name);
                if (op.record == 0) op.record = recorder.take_id();
                recorder.skipped(op.record, *op.task, op.instants, op.grid, op.at);
            },
            [&](PassedOperation& op) {
                apply_known(op.task->name);
                recorder.passed(*op.task, op.grid, op.first, op.last, op.accounted);
            },
            [&](AttemptStartedOperation& op) {
                recorder.attempt_started(op.run, op.attempt, op.start);
            },
            [&](AttemptEndedOperation& op) { recorder.attempt_ended(op.run, op.attempt, op.end); },
            [&](FinishOperation& op) {
                recorder.finish(op.run, op.task, op.result, op.at, op.memory);
            },
            [&](ForgetOperation& op) {
                // What waits of it has no effect any more.
                known_.erase(op.task);
                recorder.forget_task(op.task);
            },
            [&](RememberOperation& op) { recorder.remember(op.task, op.memory); },
            [&](KnowOperation& op) {
                for (const auto& task : op.tasks) become_known(task, op.at);
            },
            [&](ReserveIdsOperation& op) { recorder.reserve_ids(op.run); },
            [&](EventOperation& op) { recorder.event(op.at, op.kind, op.text); },
            [&](SessionOperation& op) {
                recorder.begin_session(options_.boot_id, options_.session, op.after, op.at);
            },
            [&](UseOperation& op) {
                options_.retention = op.retention;
                options_.durability = op.durability;
                connection_->pruner.use(op.retention);
            },
            [](FlushOperation&) {},
        },
        operation);
}

void StoreThread::become_known(const std::shared_ptr<const Task>& task, WallTime at) {
    if (const auto* const known = known_.find(task->name)) {
        if (schedule_text(*known->task) == schedule_text(*task)) return;
        // What it was meanwhile has its effect too.
        connection_->recorder.know(*known->task, known->at);
    }
    known_.put({task, at});
}

void StoreThread::apply_known(const std::string& task) {
    const auto* const known = known_.find(task);
    if (known == nullptr) return;
    connection_->recorder.know(*known->task, known->at);
    known_.erase(task);
}

void StoreThread::write_known() {
    if (known_.empty()) return;
    try {
        crash_point("before-schedule");
        Transaction transaction(connection_->database);
        for (std::size_t written = 0; written < known_in_a_batch && !known_.empty(); ++written) {
            apply_known(std::string(known_.any()->task->name));
        }
        transaction.commit();
    } catch (const DatabaseError& error) {
        known_.roll_back();
        fail(error);
        return;
    }
    known_.commit();
}

/// The oldest `count` operations are committed.
void StoreThread::deliver(std::size_t count) {
    News news;
    bool used = false;
    for (std::size_t index = 0; index < count; ++index) {
        Operation& operation = backlog_[index];
        backlog_.let_go(operation, news.tokens);
        if (auto* const claim = std::get_if<ClaimOperation>(&operation)) {
            if (!claim->answer) continue;
            if (claim->refused) {
                news.calls.push_back([answer = std::move(claim->answer),
                                      task = claim->claim.task->name,
                                      instant = claim->claim.due.instant] {
                    answer(bansuri::fail(ErrorCode::already_claimed,
                                         fmt::format("task \"{}\" has had its record for {}", task,
                                                     format_utc(instant))));
                });
            } else {
                news.calls.push_back(
                    [answer = std::move(claim->answer), run = claim->run] { answer(run); });
            }
        } else if (auto* const flush = std::get_if<FlushOperation>(&operation)) {
            flushes_.push_back(flush->written);
        } else if (std::holds_alternative<UseOperation>(operation)) {
            used = true;
        }
    }
    backlog_.pop(count);
    tell(std::move(news));
    connection_->pruner.look_at(connection_->recorder.take_grown());
    for (const engine::AttemptId attempt : connection_->recorder.take_moved_output()) {
        options_.output->taken(attempt);
    }
    if (used) set_durability();
}

/// One short piece of what can wait.
void StoreThread::keep_house() {
    try {
        if (!known_.empty()) {
            write_known();
        } else if (connection_->pruner.has_work()) {
            connection_->pruner.slice(options_.wall_now(), last_id());
        }
    } catch (const DatabaseError& error) {
        fail(error);
    }
    const MonoTime now = options_.mono_now();
    if (now < next_look_) return;
    next_look_ = now + (reserve_used_ ? options_.bounds.retry : look_interval);
    look_for_file();
    if (++looks_ % looks_between_ages == 0) connection_->pruner.look_at_ages();
    if (!reserve_.make() || !reserve_used_) return;
    reserve_used_ = false;
    options_.health->recover("store");
    report("disk-recovered", fmt::format("the disk of \"{}\" has room again", file_.path()));
}

}  // namespace bansuri::store
