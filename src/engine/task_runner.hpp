// SPDX-License-Identifier: MIT
//
// One run of one task, from its claim to its last attempt: a coroutine that reads like the state
// diagram of docs/architecture.md. It exists only while the run is alive. A run that an earlier
// daemon began goes on here where it stands.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "engine/attempt_label.hpp"
#include "engine/services.hpp"
#include "engine/task_alerts.hpp"
#include "engine/wakeup.hpp"

namespace bansuri::engine {

/// What is to be run.
struct RunOrder {
    std::shared_ptr<const Task> task;
    Due due;
    Grid grid;
    RunOrigin origin = RunOrigin::schedule;
};

/// A run that an earlier daemon began.
struct InheritedRun {
    UnfinishedRun record;
    std::vector<HeldAttempt> held;  ///< those of its attempts that the keeper holds, in order
};

/// Lives on the engine's loop.
class TaskRunner {
  public:
    /// Told each time that the run takes the task to another state.
    using Enter = std::function<void(TaskState, std::string reason)>;

    TaskRunner(Services& services, RunOrder order, TaskAlerts& alerts, Enter enter);

    /// Before run(): goes on with this one instead of claiming the instant.
    void inherit(InheritedRun run);

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

    /// 0 until the instant is claimed.
    RunId id() const { return id_; }
    TaskState state() const { return state_; }
    const Due& due() const { return order_.due; }
    std::uint32_t attempt() const { return attempt_; }
    /// Of the current attempt; 0 while there is none.
    pid_t pid() const { return kept_ && kept_->process ? kept_->process->pid() : 0; }
    WallTime started_at() const { return started_at_; }
    /// Of the current process, which keeps it when the definition is changed.
    std::optional<Duration> time_limit() const { return attempt_limit_; }
    std::optional<MonoTime> retry_at() const { return retry_at_; }
    /// It was lost before this life of Bansuri began: no failure of this one.
    bool was_lost_before() const { return was_lost_before_; }

  private:
    /// What has to live until the end of an attempt is committed. The process before the sink.
    struct Kept {
        std::unique_ptr<OutputCapture> output;
        std::unique_ptr<Process> process;
    };
    enum class EndedBy { itself, time_limit, stop };

    boost::asio::awaitable<AttemptResult> run_attempts();
    boost::asio::awaitable<AttemptResult> run_attempt();
    boost::asio::awaitable<AttemptResult> launch();
    boost::asio::awaitable<AttemptResult> take_over();
    boost::asio::awaitable<void> hide_secrets(pid_t pid);
    AttemptStart as_started(const Process& process, WallTime at, MonoTime begun) const;
    std::uint32_t next_attempt() const;
    const HeldAttempt* held(std::uint32_t attempt) const;
    const HeldAttempt* held_from(std::uint32_t attempt) const;
    /// An earlier daemon began the current attempt.
    bool has_started() const;
    boost::asio::awaitable<AttemptResult> follow(MonoTime begun);
    boost::asio::awaitable<EndedBy> until_gone(MonoTime begun);
    boost::asio::awaitable<void> pause_until(MonoTime end);
    void conclude(const AttemptResult& result);
    void tell(const AttemptResult& result, bool again);
    void make_capture();
    void enter(TaskState state, std::string reason = {});
    AttemptResult refused(const Error& error);
    AttemptResult judge(EndedBy cause, MonoTime begun) const;
    AttemptResult stopped() const;
    static AttemptResult not_started(const Error& error);
    static AttemptResult lost(std::string reason);
    LaunchSpec launch_spec(MonoTime begun, StartFacts known) const;
    AttemptLabel label(MonoTime begun) const;
    std::optional<std::uint32_t> attempts_in_all() const;
    FailureInfo facts(FailureInfo::Kind kind, const AttemptResult& result) const;
    OutputExcerpt excerpt(const OutputTarget& target, Stream stream) const;
    AttemptId attempt_id() const { return {id_, attempt_}; }

    Services& services_;
    RunOrder order_;
    std::shared_ptr<const Task> task_;
    TaskAlerts& alerts_;
    Enter enter_;
    /// Shared with the process, whose last word may come after ours.
    std::shared_ptr<Wakeup> changed_;
    std::optional<InheritedRun> inherited_;
    RunId id_ = 0;
    TaskState state_ = TaskState::pending;
    std::optional<std::string> stop_reason_;
    bool killed_ = false;
    bool was_lost_before_ = false;
    std::optional<MonoTime> retry_at_;

    // Of the current attempt.
    std::uint32_t attempt_ = 1;
    std::shared_ptr<Kept> kept_;
    WallTime started_at_{};
    std::uint64_t file_offsets_[2] = {0, 0};  // by Stream
    std::vector<pid_t> survivors_;
    std::optional<Duration> attempt_limit_;
};

}  // namespace bansuri::engine
