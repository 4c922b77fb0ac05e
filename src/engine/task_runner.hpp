// SPDX-License-Identifier: MIT
//
// One run of one task, from its claim to its last attempt: a coroutine that reads like the state
// diagram of docs/architecture.md. It exists only while the run is alive.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/services.hpp"
#include "engine/task_alerts.hpp"
#include "engine/wakeup.hpp"

namespace bansuri::engine {

/// Lives on the engine's loop.
class TaskRunner {
  public:
    /// Told each time that the run takes the task to another state.
    using Enter = std::function<void(TaskState, std::string reason)>;

    TaskRunner(Services& services, std::shared_ptr<const Task> task, WallTime instant,
               TaskAlerts& alerts, Enter enter);

    /// The whole run. Ends in SUCCESS, FAILED, TIMEOUT, STOPPED or LOST; in SKIPPED if the instant
    /// had been claimed before. Ended by the processes' own end, the time limit, or stop().
    boost::asio::awaitable<AttemptResult> run();

    /// SIGTERM now, SIGKILL after the task's stop-timeout; no further attempt. The first reason
    /// given is the one recorded.
    void stop(std::string reason);
    /// SIGKILL now.
    void kill(std::string reason);

    /// The definition was changed in place. A running process keeps its time limit; what is decided
    /// from now on (retries, notification, whether it goes on at all) follows the new one.
    void adopt(std::shared_ptr<const Task> task);

    RunId id() const { return id_; }
    TaskState state() const { return state_; }

  private:
    boost::asio::awaitable<AttemptResult> run_attempts();
    boost::asio::awaitable<AttemptResult> run_attempt(std::uint32_t attempt);
    enum class EndedBy { itself, time_limit, stop };
    boost::asio::awaitable<EndedBy> until_gone(Process& process, MonoTime begun);
    boost::asio::awaitable<void> pause(Duration span);
    void enter(TaskState state, std::string reason = {});
    AttemptResult refused(std::string reason);
    AttemptResult judge(const Process& process, EndedBy cause, MonoTime begun) const;
    AttemptResult stopped() const;
    LaunchSpec launch_spec(std::uint32_t attempt) const;
    std::optional<std::uint32_t> attempts_in_all() const;
    FailureInfo facts(FailureInfo::Kind kind, std::uint32_t attempt,
                      const AttemptResult& result) const;
    OutputExcerpt excerpt(const OutputTarget& target, Stream stream) const;

    Services& services_;
    std::shared_ptr<const Task> task_;
    WallTime instant_;
    TaskAlerts& alerts_;
    Enter enter_;
    Wakeup changed_;
    RunId id_ = 0;
    TaskState state_ = TaskState::pending;
    std::optional<std::string> stop_reason_;
    bool killed_ = false;
    std::unique_ptr<OutputCapture> output_;   // of the current attempt
    std::uint64_t file_offsets_[2] = {0, 0};  // by Stream
    std::uint32_t survivors_ = 0;
    Duration attempt_limit_ = Duration::zero();  // of the current attempt, if it has one
};

}  // namespace bansuri::engine
