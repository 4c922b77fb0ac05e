// SPDX-License-Identifier: MIT
//
// The attempts that the keeper holds, by id and by leader, and the queues that they wait in. All
// room is made when an attempt is inserted, before its process exists: nothing later can run out of
// it.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <map>
#include <span>
#include <vector>

#include "keeper/attempt.hpp"

namespace bansuri::keeper {

class AttemptTable {
  public:
    /// Throws std::bad_alloc, and then nothing has changed. The id must not be known yet. The
    /// address stays the same until erase().
    Attempt& insert(AttemptId id);
    void erase(Attempt& attempt);

    Attempt* find(AttemptId id);
    /// The first one after `id`, in order of ids.
    Attempt* after(AttemptId id);
    Attempt* first();
    std::size_t size() const { return attempts_.size(); }

    /// `attempt` has a leader from now on, until leaderless().
    void set_leader(Attempt& attempt, const Started& started);
    /// `attempt` is gone: its leader's number means nothing any more.
    void leaderless(Attempt& attempt);
    /// The attempt of this leader; one whose leader lives comes before one whose leader is reaped.
    Attempt* led_by(pid_t pid);

    /// `attempt`, whose pidfd is set, is led by a process that is no child of ours. led_by() does
    /// not know it: that answers for children.
    void set_adopted(Attempt& attempt) { adopted_.push_back(&attempt); }
    /// In no order, until erase().
    std::span<Attempt* const> adopted() const { return adopted_; }

    /// Those that wait for processes to end; in no order.
    void settle(Attempt& attempt, BootTime check_at);
    void settled(Attempt& attempt);
    std::span<Attempt* const> settling() const { return settling_; }

    /// The queue of those that owe the daemon a message.
    void enqueue(Attempt& attempt);
    Attempt* queue_front() const { return queue_front_; }
    void pop_queue();

  private:
    struct Leader {
        pid_t pid;
        Attempt* attempt;
    };
    std::map<AttemptId, Attempt> attempts_;
    std::vector<Leader> leaders_;  ///< in order of pid
    std::vector<Attempt*> settling_;
    std::vector<Attempt*> adopted_;
    Attempt* queue_front_ = nullptr;
    Attempt* queue_back_ = nullptr;
};

}  // namespace bansuri::keeper
