// SPDX-License-Identifier: MIT
//
// The half of StoreThread that is needed when writing does not work.
#include <fmt/format.h>

#include <boost/asio/post.hpp>
#include <utility>

#include "store/live_records.hpp"
#include "store/store_thread.hpp"

namespace bansuri::store {
namespace {

// Operations that the database refused, each lost; more mean that it is not as it should be.
constexpr int most_rejections = 100;
// After so many failures in a row the file is opened anew.
constexpr unsigned tries_before_reconnecting = 10;

// A disk that is full every other minute must not take the whole history.
constexpr Duration between_tenths = std::chrono::hours(1);

}  // namespace

// -----------------------------------------------------------------------

void StoreThread::fail(const DatabaseError& error) {
    const auto applying = std::exchange(applying_, std::nullopt);
    try {
        connection_->recorder.forget();
    } catch (const DatabaseError&) {
        // Reading fails too: the connection is made anew at some later try.
    }
    if (error.is_corrupt()) return give_up(error.what());
    if (error.is_rejection() && applying) return reject(*applying, error.what());
    disk_full_ = error.is_full();
    if (disk_full_ && !reserve_used_ && reserve_.release()) {
        reserve_used_ = true;
        checkpoint();
        connection_->pruner.look_at_all();
        next_look_ = options_.mono_now() + options_.bounds.retry;
        options_.health->degrade("store", "the disk is full; what was kept in reserve is in use");
        report("disk-full",
               fmt::format("the disk of \"{}\" is full; its reserve is in use", file_.path()));
        return;  // and written at once
    }
    if (state_ == State::writing) {
        state_ = State::failing;
        if (options_.mono_now() >= next_tenth_) oldest_tenth_.reset();
        report("store-failing", fmt::format("cannot write \"{}\": {}; records wait in memory",
                                            file_.path(), error.what()));
        answer_claims();
    }
    ++tries_;
    if (error.has_moved() || tries_ % tries_before_reconnecting == 0) reconnect();
    options_.health->degrade(
        "store", fmt::format("{}; {} records wait in memory{}", error.what(), backlog_.size(),
                             dropped_ == 0 ? "" : fmt::format(", {} are lost", dropped_)));
    next_try_ = options_.mono_now() + options_.bounds.retry;
}

void StoreThread::reject(std::size_t index, const std::string& why) {
    if (++rejections_ > most_rejections) return give_up(why);
    News news;
    backlog_.let_go(backlog_[index], news.tokens);
    if (auto* const claim = std::get_if<ClaimOperation>(&backlog_[index])) {
        if (claim->answer) {
            news.calls.push_back([answer = std::move(claim->answer), why] {
                answer(bansuri::fail(ErrorCode::io, "the store refused the run: " + why));
            });
        }
    }
    backlog_[index] = NoOperation{};
    tell(std::move(news));
    report("record-refused", "the database refused a record, which is lost: " + why);
}

void StoreThread::give_up(const std::string& why) {
    if (state_ == State::lost) return;
    state_ = State::lost;
    file_.suspect();
    const std::string text = fmt::format(
        "\"{}\" is damaged: {}; it is moved aside at the next start", file_.path(), why);
    options_.health->degrade("store", text);
    report("store-damaged", text);
    News news;
    news.calls.push_back([told = options_.on_corrupt, text] { told(text); });
    tell(std::move(news));
    answer_claims();
    for (std::size_t index = 0; index < backlog_.size(); ++index) {
        if (const auto* flush = std::get_if<FlushOperation>(&backlog_[index])) {
            flushes_.push_back(flush->written);
            backlog_[index] = NoOperation{};
        }
    }
    for (const auto& flush : std::exchange(flushes_, {})) flush->set_value(false);
}

/// Of the history, when the disk is full and the reserve is used up.
void StoreThread::make_room() {
    constexpr int slices = 10;  // claims are answered in between
    checkpoint();
    Pruner& pruner = connection_->pruner;
    try {
        for (int slice = 0; slice < slices; ++slice) {
            if (pruner.has_work()) {
                pruner.slice(options_.wall_now(), last_id());
            } else if (!oldest_tenth_) {
                oldest_tenth_ = pruner.oldest_tenth();
                next_tenth_ = options_.mono_now() + between_tenths;
                report("history-shortened",
                       "the disk is full: the oldest tenth of the history goes");
            } else if (!pruner.slice_of_oldest(*oldest_tenth_, last_id())) {
                break;
            }
        }
    } catch (const DatabaseError&) {
        // It is still too full for this; the next try to write says why.
    }
}

/// The log can be written over once its content is in the database.
void StoreThread::checkpoint() {
    try {
        connection_->database.execute("PRAGMA wal_checkpoint(PASSIVE)");
    } catch (const DatabaseError&) {
        // Whatever keeps it from being done, the next commit meets too.
    }
}

void StoreThread::reconnect() {
    if (connection_->database.has_moved()) return begin_anew();
    try {
        connect(file_.reopen());
    } catch (const std::exception&) {
        // The one that is open may come to work again; why it does not is shown already.
    }
}

void StoreThread::look_for_file() {
    if (connection_->database.has_moved()) begin_anew();
}

/// The file was removed, or another lies in its place. What is open can still be read: nothing that
/// is live is lost.
void StoreThread::begin_anew() {
    checkpoint();  // into the file, which may only have another name now
    std::string left_behind = "what runs and how far each task has come is in it";
    const auto fill = [&](const std::string& path) {
        try {
            copy_live_records(connection_->database, path, last_id());
        } catch (const DatabaseError& error) {
            if (!error.is_corrupt()) throw;
            left_behind = fmt::format("nothing of the old one could be read: {}", error.what());
        }
    };
    try {
        auto opened = file_.renew(options_.wall_now(), fill);
        connect(std::move(opened.database));
        oldest_tenth_.reset();
        if (std::exchange(file_gone_, false)) options_.health->recover("store");
        const std::string text = fmt::format(
            "\"{}\" was {} while it was in use; the history begins anew, and {}", file_.path(),
            opened.moved_aside.empty()
                ? "removed"
                : fmt::format("replaced by another file (which lies beside as \"{}\")",
                              opened.moved_aside),
            left_behind);
        // In a file that knows of this session it does nothing.
        backlog_.push_session({session_after_, options_.wall_now()});
        options_.health->degrade("history", text);
        report("store-begun-anew", text);
    } catch (const std::exception& error) {
        const std::string text =
            fmt::format("\"{}\" was removed while it was in use, and cannot be made anew: {}",
                        file_.path(), error.what());
        options_.health->degrade("store", text);
        if (!std::exchange(file_gone_, true)) report("store-gone", text);
    }
}

/// After a commit. What waits is written first: until then claims are answered from memory.
void StoreThread::recovered() {
    tries_ = 0;
    if (state_ != State::failing) return;
    if (!backlog_.empty()) {
        next_try_ = options_.mono_now();
        return;
    }
    state_ = State::writing;
    disk_full_ = false;
    backlog_.nothing_looked_at();
    if (reserve_used_) {
        options_.health->degrade("store", "the disk was full; what was kept in reserve is in use");
        next_look_ = options_.mono_now();
    } else {
        options_.health->recover("store");
    }
    report("store-recovered",
           fmt::format("\"{}\" is written to again; {} records were lost", file_.path(), dropped_));
    dropped_ = 0;
}

void StoreThread::answer_claims() {
    News news;
    Recorder& recorder = connection_->recorder;
    const auto answer = [&](ClaimOperation& claim, bool taken) {
        const engine::Claim& wanted = claim.claim;
        try {
            taken = taken || recorder.has(wanted.task->name, wanted.due.instant);
        } catch (const DatabaseError&) {
            // Neither read nor written: what waits is all that is known. Tasks go on.
        }
        claim.refused = taken;
        if (claim.run == 0) claim.run = recorder.take_id();
        if (taken) {
            news.calls.push_back([told = std::move(claim.answer)] {
                told(bansuri::fail(ErrorCode::already_claimed,
                                   "the instant has its record already"));
            });
        } else {
            news.calls.push_back([told = std::move(claim.answer), run = claim.run] { told(run); });
        }
        claim.answer = nullptr;
    };
    backlog_.look_through(answer, [&] { return recorder.take_id(); });
    tell(std::move(news));
}

void StoreThread::trim() {
    News news;
    dropped_ += backlog_.trim(options_.bounds, news.tokens);
    tell(std::move(news));
}

void StoreThread::report(const std::string& kind, const std::string& text) {
    const WallTime at = options_.wall_now();
    if (state_ != State::lost) backlog_.push(EventOperation{at, kind, text});
    News news;
    news.calls.push_back([told = options_.on_event,
                          event = engine::EventRecord{0, at, kind, text}] { told(event); });
    tell(std::move(news));
}

void StoreThread::tell(News news) {
    if (news.calls.empty() && news.tokens.empty()) return;
    boost::asio::post(loop_, [news = std::move(news)] {
        for (const auto& call : news.calls) call();
    });
}

}  // namespace bansuri::store
