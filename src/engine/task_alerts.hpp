// SPDX-License-Identifier: MIT
//
// When somebody is told about a task: the notify-mode, the hold-back, the reminders and the
// recovery message of docs/notification.md. One a task; it outlives the task's runs, because "in a
// row", "still" and "recovered" are about several of them.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "core/task.hpp"
#include "engine/clock.hpp"
#include "engine/notifier.hpp"
#include "engine/run_store.hpp"

namespace bansuri::engine {

struct TaskRecord;

/// What the alerts of all tasks share.
struct AlertDesk {
    Clock& clock;
    Notifier& notifier;
    /// What has been told of the task changed without a run's end: another daemon has to know.
    std::function<void(const TaskRecord&)> remember;
};

/// Lives on the engine's loop.
class TaskAlerts {
  public:
    /// Makes the message only if one is sent: gathering output costs.
    using Facts = std::function<FailureInfo()>;

    /// Both outlive it.
    TaskAlerts(AlertDesk& desk, const TaskRecord& task) : desk_(desk), task_(task) {}

    /// An attempt failed or timed out; `last` if its run ends with it.
    void attempt_failed(const NotifyPolicy& policy, bool last, const Facts& facts);
    /// A run succeeded: what was held back is dropped, and if it had been told that something is
    /// wrong, the recovery is told too (`on_recovery`, and always of an incident).
    void run_succeeded(const NotifyPolicy& policy, const Facts& facts);
    /// The task had no success within the time in which one is expected of it. Told once, until a
    /// success comes; as part of an incident that lasts already, not at all.
    void success_overdue(const Facts& facts);
    /// None is expected any more, or within another time.
    void forget_overdue() { overdue_told_ = false; }

    /// Goes on where an earlier daemon stopped; before anything else.
    void restore(const TaskMemory& memory);
    unsigned failed_in_a_row() const { return failed_in_a_row_; }
    bool failure_told() const { return failure_told_; }
    bool overdue_told() const { return overdue_told_; }
    WallTime incident_since() const { return incident_since_; }
    WallTime incident_told() const { return incident_told_; }

    /// The policy is another one: a message that is held back is dropped if nobody is to be told
    /// any more, and goes out if nothing is held back any more.
    void policy_changed(const NotifyPolicy& policy);
    /// What is held back goes out.
    void flush();
    /// The task will not be heard of again: what is held back goes out, and nothing follows.
    void close();

  private:
    void tell(const NotifyPolicy& policy, FailureInfo info);
    void send_held_back();
    void begin_incident();
    void arm_reminder();
    void remind();

    AlertDesk& desk_;
    const TaskRecord& task_;
    unsigned failed_in_a_row_ = 0;
    bool failure_told_ = false;
    bool overdue_told_ = false;
    // Of an incident that was told; zero: none lasts.
    WallTime incident_since_{};
    WallTime incident_told_{};  ///< the latest message of it
    std::optional<FailureInfo> held_back_;
    /// The end of the hold-back, or the next reminder: never both.
    std::unique_ptr<Alarm> alarm_;
};

}  // namespace bansuri::engine
