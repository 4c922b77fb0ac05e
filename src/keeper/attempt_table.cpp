// SPDX-License-Identifier: MIT
#include "keeper/attempt_table.hpp"

#include <algorithm>

namespace bansuri::keeper {
namespace {

template <class T>
void make_room(std::vector<T>& list, std::size_t needed) {
    if (list.capacity() < needed) list.reserve(std::max<std::size_t>(needed, 2 * list.capacity()));
}

}  // namespace

Attempt& AttemptTable::insert(AttemptId id) {
    make_room(leaders_, attempts_.size() + 1);
    make_room(settling_, attempts_.size() + 1);
    make_room(adopted_, attempts_.size() + 1);
    Attempt& attempt = attempts_[id];
    attempt.id = id;
    return attempt;
}

void AttemptTable::erase(Attempt& attempt) {
    leaderless(attempt);
    settled(attempt);
    if (attempt.adopted()) std::erase(adopted_, &attempt);
    if (attempt.queued) {
        Attempt** link = &queue_front_;
        Attempt* before = nullptr;
        while (*link != &attempt) {
            before = *link;
            link = &before->next_queued;
        }
        *link = attempt.next_queued;
        if (queue_back_ == &attempt) queue_back_ = before;
    }
    attempts_.erase(attempt.id);
}

Attempt* AttemptTable::find(AttemptId id) {
    const auto found = attempts_.find(id);
    return found == attempts_.end() ? nullptr : &found->second;
}

Attempt* AttemptTable::after(AttemptId id) {
    const auto found = attempts_.upper_bound(id);
    return found == attempts_.end() ? nullptr : &found->second;
}

Attempt* AttemptTable::first() { return attempts_.empty() ? nullptr : &attempts_.begin()->second; }

void AttemptTable::set_leader(Attempt& attempt, const Started& started) {
    attempt.started = started;
    const auto at =
        std::upper_bound(leaders_.begin(), leaders_.end(), started.pid,
                         [](pid_t pid, const Leader& leader) { return pid < leader.pid; });
    leaders_.insert(at, {started.pid, &attempt});
}

void AttemptTable::leaderless(Attempt& attempt) {
    std::erase_if(leaders_, [&](const Leader& leader) { return leader.attempt == &attempt; });
}

Attempt* AttemptTable::led_by(pid_t pid) {
    auto at =
        std::lower_bound(leaders_.begin(), leaders_.end(), pid,
                         [](const Leader& leader, pid_t number) { return leader.pid < number; });
    Attempt* found = nullptr;
    for (; at != leaders_.end() && at->pid == pid; ++at) {
        if (found == nullptr || at->attempt->leader_alive()) found = at->attempt;
    }
    return found;
}

void AttemptTable::settle(Attempt& attempt, BootTime check_at) {
    if (attempt.check_at == never) settling_.push_back(&attempt);
    attempt.check_at = check_at;
}

void AttemptTable::settled(Attempt& attempt) {
    if (attempt.check_at == never) return;
    attempt.check_at = never;
    std::erase(settling_, &attempt);
}

void AttemptTable::enqueue(Attempt& attempt) {
    if (attempt.queued) return;
    attempt.queued = true;
    attempt.next_queued = nullptr;
    (queue_front_ == nullptr ? queue_front_ : queue_back_->next_queued) = &attempt;
    queue_back_ = &attempt;
}

void AttemptTable::pop_queue() {
    Attempt* const first = queue_front_;
    queue_front_ = first->next_queued;
    first->queued = false;
    first->next_queued = nullptr;
}

}  // namespace bansuri::keeper
