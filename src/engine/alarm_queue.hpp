// SPDX-License-Identifier: MIT
//
// The alarms that a clock has been asked for, in the order of their times. Both the system's clock
// and the tests' fake one keep two of these, one for each kind of time.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "engine/clock.hpp"

namespace bansuri::engine {

/// Single-threaded. Alarms may be added and silenced from within a ring. The queue must outlive
/// the alarms that it gave out.
template <class Time>
class AlarmQueue {
  public:
    /// `rearm` is called when the earliest time has changed.
    explicit AlarmQueue(std::function<void()> rearm = [] {}) : rearm_(std::move(rearm)) {}

    std::unique_ptr<Alarm> add(Time when, std::function<void()> ring) {
        auto alarm = std::make_unique<Entry>(*this);
        const bool first = alarms_.empty() || when < alarms_.begin()->first;
        alarm->position = alarms_.emplace(when, std::pair{alarm.get(), std::move(ring)});
        if (first) rearm_();
        return alarm;
    }

    std::optional<Time> earliest() const {
        if (alarms_.empty()) return std::nullopt;
        return alarms_.begin()->first;
    }

    /// Rings every alarm whose time has come at `now`, those included that rings add meanwhile.
    void ring_until(Time now) {
        while (!alarms_.empty() && alarms_.begin()->first <= now) ring_first();
    }

    /// Rings the earliest alarm.
    void ring_first() {
        auto node = alarms_.extract(alarms_.begin());
        auto& [alarm, ring] = node.mapped();
        alarm->queue = nullptr;  // Spent: its owner may destroy it from within the ring.
        ring();
    }

  private:
    struct Entry final : Alarm {
        explicit Entry(AlarmQueue& owner) : queue(&owner) {}
        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;
        ~Entry() override {
            if (queue != nullptr) queue->alarms_.erase(position);
        }
        AlarmQueue* queue;
        typename std::multimap<Time, std::pair<Entry*, std::function<void()>>>::iterator position;
    };

    std::multimap<Time, std::pair<Entry*, std::function<void()>>> alarms_;
    std::function<void()> rearm_;
};

}  // namespace bansuri::engine
