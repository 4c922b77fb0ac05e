// SPDX-License-Identifier: MIT
#include "store/examiner.hpp"

#include <sys/resource.h>

#include "store/quiet_thread.hpp"

namespace bansuri::store {
namespace {

constexpr auto after_start = std::chrono::seconds(5);

}  // namespace

Examiner::Examiner(std::string file, std::function<void(const std::string&)> damaged)
    : file_(std::move(file)),
      damaged_(std::move(damaged)),
      thread_(quiet_thread([this] { examine(); })) {}

Examiner::~Examiner() {
    {
        std::unique_lock lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
        while (!ended_) {
            // An interrupt that comes before the statement is lost, hence again.
            if (database_) database_->interrupt();
            changed_.wait_for(lock, std::chrono::milliseconds(10));
        }
    }
    thread_.join();
}

void Examiner::examine() {
    // After what others want of the processor, but never starved: while it reads, the log of what
    // is written cannot be begun anew. On Linux this is about the calling thread.
    ::setpriority(PRIO_PROCESS, 0, 15);
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, after_start, [this] { return stopping_; });
    std::string found = "ok";
    if (!stopping_) {
        try {
            database_.emplace(file_, Database::Access::read_only, std::chrono::milliseconds(250));
            database_->execute("PRAGMA cache_size = -1000");
            lock.unlock();
            found = database_->answer("PRAGMA integrity_check(1)");
        } catch (const DatabaseError& error) {
            if (error.is_corrupt()) found = error.what();
        }
        if (!lock.owns_lock()) lock.lock();
    }
    database_.reset();
    // An interrupted look says nothing about the file.
    const bool damaged = found != "ok" && !stopping_;
    lock.unlock();
    if (damaged) damaged_(found);
    lock.lock();
    ended_ = true;
    changed_.notify_all();
}

}  // namespace bansuri::store
