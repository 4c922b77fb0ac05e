// SPDX-License-Identifier: MIT
//
// Instants that have come and start later, by their task's `jitter`. They are recorded nowhere: a
// daemon that dies meanwhile has not handled them, and the next one works out the same delay.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "engine/clock.hpp"
#include "engine/run_store.hpp"

namespace bansuri::engine {

struct TaskRecord;

/// Single-threaded. At most one a task, one alarm in all.
class DelayedInstants {
  public:
    struct Delayed {
        TaskRecord* task = nullptr;
        Due due;
        MonoTime start{};
    };

    /// `ring` is called when the first of them is to start.
    DelayedInstants(Clock& clock, std::function<void()> ring)
        : clock_(clock), ring_(std::move(ring)) {}

    /// The task has none.
    void add(const Delayed& delayed) {
        const auto place = queue_.emplace(std::pair{delayed.start, ++added_}, delayed).first;
        places_.emplace(delayed.task, place);
        arm();
    }
    const Delayed* find(const TaskRecord& task) const {
        const auto known = places_.find(&task);
        return known == places_.end() ? nullptr : &known->second->second;
    }
    std::optional<Delayed> take(const TaskRecord& task) {
        const auto known = places_.find(&task);
        if (known == places_.end()) return std::nullopt;
        return take(known->second);
    }
    /// The first that starts at `now` or before.
    std::optional<Delayed> take_due(MonoTime now) {
        if (queue_.empty() || queue_.begin()->first.first > now) return std::nullopt;
        return take(queue_.begin());
    }
    bool empty() const { return queue_.empty(); }

  private:
    using Queue = std::map<std::pair<MonoTime, std::uint64_t>, Delayed>;

    Delayed take(Queue::iterator place) {
        const Delayed taken = place->second;
        places_.erase(taken.task);
        queue_.erase(place);
        arm();
        return taken;
    }
    void arm() {
        if (queue_.empty()) {
            armed_.reset();
            alarm_.reset();
        } else if (armed_ != queue_.begin()->first.first) {
            armed_ = queue_.begin()->first.first;
            alarm_ = clock_.at(*armed_, [this] {
                armed_.reset();
                ring_();
            });
        }
    }

    Clock& clock_;
    std::function<void()> ring_;
    std::uint64_t added_ = 0;
    Queue queue_;
    std::unordered_map<const TaskRecord*, Queue::iterator> places_;
    std::optional<MonoTime> armed_;
    std::unique_ptr<Alarm> alarm_;
};

}  // namespace bansuri::engine
