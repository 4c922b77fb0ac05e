// SPDX-License-Identifier: MIT
//
// When somebody is told about a task: the notify-mode, the hold-back and the recovery message of
// docs/notification.md. One a task; it outlives the task's runs, because "in a row" and
// "recovered" are about several of them.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "core/task.hpp"
#include "engine/clock.hpp"
#include "engine/notifier.hpp"

namespace bansuri::engine {

/// Lives on the engine's loop.
class TaskAlerts {
  public:
    /// Makes the message only if one is sent: gathering output costs.
    using Facts = std::function<FailureInfo()>;

    TaskAlerts(Clock& clock, Notifier& notifier) : clock_(clock), notifier_(notifier) {}

    /// An attempt failed or timed out; `last` if its run ends with it.
    void attempt_failed(const NotifyPolicy& policy, bool last, const Facts& facts);
    /// A run succeeded: what was held back is dropped, and if a failure had been told, the
    /// recovery is told too (`on_recovery`).
    void run_succeeded(const NotifyPolicy& policy, const Facts& facts);

    /// Goes on counting where an earlier daemon stopped.
    void restore(unsigned failed_in_a_row, bool failure_told) {
        failed_in_a_row_ = failed_in_a_row;
        failure_told_ = failure_told;
    }
    unsigned failed_in_a_row() const { return failed_in_a_row_; }
    bool failure_told() const { return failure_told_; }

    /// The policy is another one: a message that is held back is dropped if nobody is to be told
    /// any more, and goes out if nothing is held back any more.
    void policy_changed(const NotifyPolicy& policy);
    /// The task will not be heard of again: what is held back goes out.
    void flush();

  private:
    void tell(const NotifyPolicy& policy, FailureInfo info);

    Clock& clock_;
    Notifier& notifier_;
    unsigned failed_in_a_row_ = 0;
    bool failure_told_ = false;
    std::optional<FailureInfo> held_back_;
    std::unique_ptr<Alarm> hold_back_over_;
};

}  // namespace bansuri::engine
