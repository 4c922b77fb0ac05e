// SPDX-License-Identifier: MIT
//
// Until when each task is to have had its next success (`expect-within`): one queue and one alarm
// for all of them. A job that does not run says nothing by itself; this is what notices.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "engine/services.hpp"
#include "engine/task_alerts.hpp"

namespace bansuri::engine {

struct TaskRecord;

/// Lives on the engine's loop. The time that is allowed is elapsed time, that of the machine's
/// sleep included; what elapsed before this daemon began is told by the wall clock.
class Expectations {
  public:
    /// When a daemon begins, what came due before has so long to succeed now.
    static constexpr Duration patience_at_start = std::chrono::minutes(1);

    /// Both outlive it.
    Expectations(Services& services, AlertDesk& desk);

    /// Waits for the task's next success as its definition says now; counted from the latest one,
    /// or, if none is known, from the first call. Each that does not come is told once.
    void follow(TaskRecord& task);
    /// What was before counts no more: the task has yet to succeed, from now on.
    void begin(TaskRecord& task);
    /// The definition was another one. follow() comes after it.
    void changed(TaskRecord& task, const Task& before);
    /// A run succeeded: counted from now on, and said to whoever listens for its heartbeat.
    void succeeded(TaskRecord& task);
    /// The task is removed, and nothing of this is to be found should it ever come back.
    void end(TaskRecord& task);
    void clear();

  private:
    void forget(TaskRecord& task);
    void tell_overdue(TaskRecord& task);
    void arm();
    void ring();

    Services& services_;
    AlertDesk& desk_;
    MonoTime begun_;
    std::set<std::pair<MonoTime, TaskRecord*>> queue_;
    std::unordered_map<const TaskRecord*, MonoTime> deadlines_;
    std::optional<MonoTime> armed_;
    std::unique_ptr<Alarm> alarm_;
};

}  // namespace bansuri::engine
