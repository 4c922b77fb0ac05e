// SPDX-License-Identifier: MIT
//
// What happens in the engine, as it happens, for whoever listens: the log now; metrics and live
// views fit beside it. Data flows one way: a listener can learn, and cannot reach back.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "core/task_state.hpp"
#include "engine/run_store.hpp"

namespace bansuri::engine {

struct StateChanged {
    std::string task;
    TaskState from;
    TaskState to;
    std::string reason;  ///< may be empty
};

struct AttemptStarted {
    std::string task;
    RunId run;
    std::uint32_t attempt;
    pid_t pid;
};

/// An attempt that an earlier daemon started goes on under this one.
struct AttemptTakenOver {
    std::string task;
    RunId run;
    std::uint32_t attempt;
    pid_t pid;
};

struct AttemptEnded {
    std::string task;
    RunId run;
    std::uint32_t attempt;
    std::optional<std::uint32_t> attempts;  ///< in all; nothing: no limit
    AttemptResult result;
    std::optional<Duration> retry_in;  ///< another attempt follows after this
    std::uint32_t survivors = 0;       ///< processes left alive on purpose
};

struct RunEnded {
    std::string task;
    RunId run;
    AttemptResult result;  ///< of its last attempt
};

struct InstantsSkipped {
    std::string task;
    SkippedInstants instants;
};

struct SuccessOverdue {
    std::string task;
    Duration expected_within;
    WallTime last_success;  ///< zero: none is known
};

struct ConfigurationApplied {
    std::uint64_t generation;
    std::size_t tasks, added, removed, restarted, changed;
};

/// Once for each configuration and sentence.
struct LimitNotEnforced {
    std::string what;   ///< "cpu: ...", as ProcessLauncher::shortcomings() says
    std::string task;   ///< the first of them
    std::size_t tasks;  ///< that it holds for
};

struct ClockStepped {
    Duration by;  ///< negative: set back
};

using Event = std::variant<StateChanged, AttemptStarted, AttemptTakenOver, AttemptEnded, RunEnded,
                           InstantsSkipped, SuccessOverdue, ConfigurationApplied, LimitNotEnforced,
                           ClockStepped>;

/// Single-threaded: published and delivered on the engine's loop, before publish() returns.
class EventBus {
  public:
    using Listener = std::function<void(const Event&)>;

    /// Listens as long as the answer lives. The bus must outlive it.
    [[nodiscard]] std::shared_ptr<void> subscribe(Listener listener) {
        const auto place = listeners_.insert(listeners_.end(), std::move(listener));
        return {nullptr, [this, place](void*) { listeners_.erase(place); }};
    }
    void publish(const Event& event) const {
        for (const Listener& listener : listeners_) listener(event);
    }

  private:
    std::list<Listener> listeners_;
};

}  // namespace bansuri::engine
