// SPDX-License-Identifier: MIT
#include "engine/task_runner.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/duration.hpp"

namespace bansuri::engine {
namespace asio = boost::asio;

TaskRunner::TaskRunner(Services& services, std::shared_ptr<const Task> task, WallTime instant,
                       TaskAlerts& alerts, Enter enter)
    : services_(services),
      task_(std::move(task)),
      instant_(instant),
      alerts_(alerts),
      enter_(std::move(enter)),
      changed_(services.loop) {}

void TaskRunner::stop(std::string reason) {
    if (!stop_reason_) stop_reason_ = std::move(reason);
    changed_.notify();
}

void TaskRunner::kill(std::string reason) {
    killed_ = true;
    stop(std::move(reason));
}

void TaskRunner::adopt(std::shared_ptr<const Task> task) {
    task_ = std::move(task);
    changed_.notify();
}

void TaskRunner::enter(TaskState state, std::string reason) {
    state_ = state;
    enter_(state, std::move(reason));
}

AttemptResult TaskRunner::refused(std::string reason) {
    SkippedInstants skipped{instant_, instant_, 1, false, std::move(reason)};
    services_.store.skipped(task_->name, skipped);
    services_.events.publish(InstantsSkipped{task_->name, skipped});
    AttemptResult result;
    result.outcome = Outcome::skipped;
    result.reason = std::move(skipped.reason);
    return result;
}

asio::awaitable<AttemptResult> TaskRunner::run() {
    const Result<RunId> claimed = co_await services_.store.claim(task_->name, instant_);
    if (!claimed) co_return refused(claimed.error().message);
    id_ = *claimed;
    AttemptResult result;
    // Whatever happens, the record ends: what was started is killed as its Process goes.
    try {
        result = co_await run_attempts();
    } catch (const std::exception& bug) {
        result.outcome = Outcome::lost;
        result.reason = fmt::format("internal error: {}", bug.what());
        services_.on_bug(task_->name, bug.what());
        enter(TaskState::failed, result.reason);
    }
    services_.store.finish(id_, result, services_.clock.wall_now());
    services_.events.publish(RunEnded{task_->name, id_, result});
    co_return result;
}

asio::awaitable<AttemptResult> TaskRunner::run_attempts() {
    AttemptResult result;
    for (std::uint32_t attempt = 1;; ++attempt) {
        if (stop_reason_) co_return stopped();
        if (!task_->enabled && attempt > 1) co_return result;  // disabled in the pause
        enter(TaskState::running);
        result = co_await run_attempt(attempt);
        const bool failed = result.outcome == Outcome::failed || result.outcome == Outcome::timeout;
        const bool retries = failed && task_->enabled && task_->retry.allows_retry(attempt);
        std::optional<Duration> delay;
        if (retries) delay = task_->retry.delay_before(attempt + 1, services_.chance());
        services_.store.attempt_ended(id_, attempt, result, services_.clock.wall_now());
        services_.events.publish(
            AttemptEnded{task_->name, id_, attempt, attempts_in_all(), result, delay, survivors_});

        if (result.outcome == Outcome::stopped) co_return result;
        if (result.outcome == Outcome::success) {
            enter(TaskState::success);
            alerts_.run_succeeded(
                task_->notify, [&] { return facts(FailureInfo::Kind::recovery, attempt, result); });
            co_return result;
        }
        enter(result.outcome == Outcome::timeout ? TaskState::timeout : TaskState::failed,
              result.status ? describe(*result.status) : result.reason);
        alerts_.attempt_failed(task_->notify, !retries,
                               [&] { return facts(FailureInfo::Kind::failure, attempt, result); });
        if (!retries) co_return result;
        enter(TaskState::restarting, fmt::format("in {}", format_duration(*delay)));
        co_await pause(*delay);
    }
}

asio::awaitable<void> TaskRunner::pause(Duration span) {
    const MonoTime end = services_.clock.mono_now() + span;
    const auto alarm = services_.clock.at(end, [this] { changed_.notify(); });
    // Ended by the alarm, by stop(), or by a definition that disables the task.
    while (!stop_reason_ && task_->enabled && services_.clock.mono_now() < end)
        co_await changed_.wait();
}

asio::awaitable<AttemptResult> TaskRunner::run_attempt(std::uint32_t attempt) {
    const MonoTime begun = services_.clock.mono_now();
    output_ = std::make_unique<OutputCapture>(task_->name, task_->command.output_limit,
                                              services_.forwarder);
    survivors_ = 0;
    LaunchSpec spec = launch_spec(attempt);
    Result<std::unique_ptr<Process>> started =
        co_await services_.launcher.start(std::move(spec), *output_, [this] { changed_.notify(); });
    if (!started) {
        AttemptResult not_started;
        not_started.reason = started.error().message;
        co_return not_started;
    }
    Process& process = **started;
    file_offsets_[0] = process.file_offset(Stream::standard_output);
    file_offsets_[1] = process.file_offset(Stream::standard_error);
    services_.store.attempt_started(id_, attempt, process.pid(), services_.clock.wall_now());
    services_.events.publish(AttemptStarted{task_->name, id_, attempt, process.pid()});

    const EndedBy cause = co_await until_gone(process, begun);
    output_->flush();
    survivors_ = static_cast<std::uint32_t>(process.survivors().size());
    co_return judge(process, cause, begun);
}

asio::awaitable<TaskRunner::EndedBy> TaskRunner::until_gone(Process& process, MonoTime begun) {
    const std::optional<Duration> time_limit = task_->time_limit;  // adopt() may change the task's
    std::unique_ptr<Alarm> limit;
    if (time_limit) {
        attempt_limit_ = *time_limit;
        limit = services_.clock.at(begun + *time_limit, [this] { changed_.notify(); });
    }
    EndedBy cause = EndedBy::itself;
    bool stopping = false;
    bool killing = false;
    // Ended by the process, which the time limit and stop() end in turn; by the keeper's loss too.
    while (!process.gone() && !process.lost()) {
        const bool runs = !process.exit_status().has_value();
        const bool over_limit = runs && cause == EndedBy::itself && time_limit &&
                                services_.clock.mono_now() >= begun + *time_limit;
        if (stop_reason_ && !stopping) {
            stopping = true;
            if (runs && cause == EndedBy::itself) cause = EndedBy::stop;
            process.end(task_->stop_timeout);
        } else if (killed_ && !killing) {
            killing = true;
            process.end(Duration::zero());
        } else if (over_limit) {
            cause = EndedBy::time_limit;
            process.end(task_->kill_grace);
        } else {
            co_await changed_.wait();
        }
    }
    co_return cause;
}

AttemptResult TaskRunner::judge(const Process& process, EndedBy cause, MonoTime begun) const {
    AttemptResult result;
    result.elapsed = services_.clock.mono_now() - begun;
    result.status = process.exit_status();
    if (!result.status) {
        result.outcome = Outcome::lost;
        result.reason = "nobody saw its end: the keeper was lost";
    } else if (cause == EndedBy::time_limit) {
        result.outcome = Outcome::timeout;
        result.reason = fmt::format("ran longer than {}", format_duration(attempt_limit_));
    } else if (cause == EndedBy::stop) {
        result.outcome = Outcome::stopped;
        result.reason = *stop_reason_;
    } else if (result.status->kind == ExitStatus::Kind::exited &&
               task_->success_codes.test(static_cast<std::size_t>(result.status->number))) {
        result.outcome = Outcome::success;
    }
    return result;
}

AttemptResult TaskRunner::stopped() const {
    AttemptResult result;
    result.outcome = Outcome::stopped;
    result.reason = *stop_reason_;
    return result;
}

LaunchSpec TaskRunner::launch_spec(std::uint32_t attempt) const {
    LaunchSpec spec;
    spec.id = {id_, attempt};
    spec.argv = {"/bin/sh", "-c", task_->command.line};
    spec.environment = environment_of(*task_, services_.inherited, spec.id, instant_);
    spec.working_directory = task_->command.working_directory;
    spec.standard_output = task_->command.standard_output;
    spec.standard_error = task_->command.standard_error;
    spec.survive = task_->survive;
    spec.stop_timeout = task_->stop_timeout;
    return spec;
}

std::optional<std::uint32_t> TaskRunner::attempts_in_all() const {
    if (task_->retry.attempts == 0) return std::nullopt;
    return task_->retry.attempts;
}

FailureInfo TaskRunner::facts(FailureInfo::Kind kind, std::uint32_t attempt,
                              const AttemptResult& result) const {
    FailureInfo info;
    info.kind = kind;
    info.task = task_->name;
    info.description = task_->description;
    info.command = task_->command.line;
    info.working_directory = task_->command.working_directory;
    info.run = id_;
    info.attempt = attempt;
    info.attempts = attempts_in_all();
    info.outcome = result.outcome;
    info.status = result.status;
    info.reason = result.reason;
    info.at = services_.clock.wall_now();
    info.elapsed = result.elapsed;
    info.standard_output = excerpt(task_->command.standard_output, Stream::standard_output);
    info.standard_error = excerpt(task_->command.standard_error, Stream::standard_error);
    return info;
}

OutputExcerpt TaskRunner::excerpt(const OutputTarget& target, Stream stream) const {
    if (target.kind == OutputTarget::Kind::file) {
        OutputExcerpt from_file;
        from_file.path = target.path;
        from_file.offset = file_offsets_[stream == Stream::standard_output ? 0 : 1];
        return from_file;
    }
    return output_->excerpt(stream);
}

}  // namespace bansuri::engine
