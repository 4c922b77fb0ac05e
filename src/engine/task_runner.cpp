// SPDX-License-Identifier: MIT
#include "engine/task_runner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/crash_point.hpp"
#include "core/duration.hpp"

namespace bansuri::engine {
namespace asio = boost::asio;

TaskRunner::TaskRunner(Services& services, RunOrder order, TaskAlerts& alerts, Enter enter)
    : services_(services),
      order_(std::move(order)),
      task_(order_.task),
      alerts_(alerts),
      enter_(std::move(enter)),
      changed_(std::make_shared<Wakeup>(services.loop)) {}

void TaskRunner::inherit(InheritedRun run) {
    id_ = run.record.id;
    inherited_ = std::move(run);
}

void TaskRunner::stop(std::string reason) {
    if (!stop_reason_) stop_reason_ = std::move(reason);
    changed_->notify();
}

void TaskRunner::kill(std::string reason) {
    killed_ = true;
    stop(std::move(reason));
}

void TaskRunner::adopt(std::shared_ptr<const Task> task) {
    task_ = std::move(task);
    changed_->notify();
}

void TaskRunner::enter(TaskState state, std::string reason) {
    state_ = state;
    enter_(state, std::move(reason));
}

AttemptResult TaskRunner::refused(const Error& error) {
    SkippedInstants skipped{order_.due.instant, order_.due.instant, 1, false,
                            error.message,      order_.due.tick};
    // Whoever claimed it first has made its record; of what the store cannot take nobody has.
    if (error.code != ErrorCode::already_claimed) {
        services_.store.skipped(task_, skipped, order_.grid, services_.clock.wall_now());
    }
    services_.events.publish(InstantsSkipped{task_->name, skipped});
    AttemptResult result;
    result.outcome = Outcome::skipped;
    result.reason = std::move(skipped.reason);
    return result;
}

asio::awaitable<AttemptResult> TaskRunner::run() {
    if (!inherited_) {
        Claim claim{order_.task, order_.due, order_.grid, order_.origin,
                    services_.clock.wall_now()};
        const Result<RunId> claimed = co_await services_.store.claim(std::move(claim));
        if (!claimed) co_return refused(claimed.error());
        id_ = *claimed;
    }
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
    co_return result;
}

asio::awaitable<AttemptResult> TaskRunner::run_attempts() {
    AttemptResult result;
    bool ended_before = false;  // the attempt's end is recorded already
    if (inherited_ && inherited_->record.last) {
        const UnfinishedRun::LastAttempt& last = *inherited_->record.last;
        attempt_ = last.number;
        if (last.end) {
            ended_before = true;
            result = last.end->result;
            if (last.end->retry_at && inherited_->record.same_boot) retry_at_ = last.end->retry_at;
            // The clock of another boot tells nothing about when the pause is over.
            if (last.end->retry_at && !retry_at_) retry_at_ = services_.clock.mono_now();
        }
    }
    if (!ended_before && !has_started() && held_from(attempt_) != nullptr) {
        attempt_ = held_from(attempt_)->id.attempt;
    }
    for (;; attempt_ = next_attempt()) {
        if (!std::exchange(ended_before, false)) {
            // What an earlier daemon has started must be taken over even to be ended.
            const bool begins = !has_started();
            if (begins && stop_reason_) co_return stopped();
            if (begins && !task_->enabled && attempt_ > 1) co_return result;  // in the pause
            enter(TaskState::running);
            result = co_await run_attempt();
            conclude(result);
        }
        if (!retry_at_) co_return result;
        const Duration left = std::max(Duration::zero(), *retry_at_ - services_.clock.mono_now());
        enter(TaskState::restarting, fmt::format("in {}", format_duration(left)));
        co_await pause_until(*retry_at_);
        retry_at_.reset();
    }
}

std::uint32_t TaskRunner::next_attempt() const {
    const HeldAttempt* const held = held_from(attempt_ + 1);
    return held != nullptr ? held->id.attempt : attempt_ + 1;
}

asio::awaitable<AttemptResult> TaskRunner::run_attempt() {
    survivors_.clear();
    started_at_ = services_.clock.wall_now();
    AttemptResult result;
    if (!inherited_) {
        result = co_await launch();
        co_return result;
    }
    if (has_started()) {
        result = co_await take_over();
        co_return result;
    }
    // A retry that had been decided is one that may be made.
    const auto& last = inherited_->record.last;
    const bool may_start = inherited_->record.same_session || (last && last->end);
    inherited_.reset();
    if (may_start) {
        result = co_await launch();
        co_return result;
    }
    was_lost_before_ = true;
    co_return lost("Bansuri ended before it was recorded whether it had started");
}

void TaskRunner::conclude(const AttemptResult& result) {
    const bool failed = result.outcome == Outcome::failed || result.outcome == Outcome::timeout;
    const bool again =
        task_->enabled && ((failed && task_->retry.allows_retry(attempt_)) ||
                           (result.outcome == Outcome::lost && task_->on_lost == OnLost::restart));
    std::optional<Duration> delay;
    if (again && failed) delay = task_->retry.delay_before(attempt_ + 1, services_.chance());
    if (again && !failed) delay = Duration::zero();
    // An earlier daemon has started one already.
    if (held_from(attempt_ + 1) != nullptr) delay = Duration::zero();
    if (delay) retry_at_ = services_.clock.mono_now() + *delay;

    const std::uint64_t output = kept_ && kept_->output ? kept_->output->total() : 0;
    services_.store.attempt_ended(
        id_, attempt_, {result, services_.clock.wall_now(), retry_at_, survivors_, output}, kept_);
    services_.events.publish(AttemptEnded{task_->name, id_, attempt_, attempts_in_all(), result,
                                          delay, static_cast<std::uint32_t>(survivors_.size())});
    tell(result, again);
    kept_.reset();  // from now on the store holds it, until it has committed
}

void TaskRunner::tell(const AttemptResult& result, bool again) {
    if (result.outcome == Outcome::stopped) return;
    if (result.outcome == Outcome::success) {
        enter(TaskState::success);
        return alerts_.run_succeeded(task_->notify,
                                     [&] { return facts(FailureInfo::Kind::recovery, result); });
    }
    enter(result.outcome == Outcome::timeout ? TaskState::timeout : TaskState::failed,
          result.status ? describe(*result.status) : result.reason);
    alerts_.attempt_failed(task_->notify, !again,
                           [&] { return facts(FailureInfo::Kind::failure, result); });
}

asio::awaitable<void> TaskRunner::pause_until(MonoTime end) {
    const auto changed = changed_;
    const auto alarm = services_.clock.at(end, [changed] { changed->notify(); });
    // Ended by the alarm, by stop(), or by a definition that disables the task.
    while (!stop_reason_ && task_->enabled && services_.clock.mono_now() < end)
        co_await changed_->wait();
}

void TaskRunner::make_capture() {
    kept_ = std::make_shared<Kept>();
    std::unique_ptr<OutputRecord> record;
    if (services_.outputs != nullptr) {
        record = services_.outputs->open(attempt_id(), task_->command.output_limit);
    }
    kept_->output = std::make_unique<OutputCapture>(task_->name, task_->command.output_limit,
                                                    services_.forwarder, std::move(record));
}

asio::awaitable<AttemptResult> TaskRunner::launch() {
    const MonoTime begun = services_.clock.mono_now();
    make_capture();
    StartFacts known;
    if (task_->command.isolation->needs_lookup()) {
        Result<StartFacts> found = co_await services_.lookup.look_up(task_);
        if (stop_reason_) co_return stopped();
        if (!found) co_return not_started(found.error());
        known = *std::move(found);
    }
    LaunchSpec spec = launch_spec(begun, std::move(known));
    kept_->output->hide(Secrets(task_->command.isolation->secrets, spec.environment));
    std::function<void()> told = [changed = changed_] { changed->notify(); };
    Result<std::unique_ptr<Process>> started =
        co_await services_.launcher.start(std::move(spec), *kept_->output, std::move(told));
    // With the keeper gone nobody can say whether it was started: the record stays open, and this
    // daemon is about to end. Ended by that.
    while (!started && started.error().code == ErrorCode::unreachable) co_await changed_->wait();
    if (!started) co_return not_started(started.error());
    kept_->process = std::move(*started);
    const Process& process = *kept_->process;
    crash_point("after-start");
    services_.store.attempt_started(id_, attempt_, as_started(process, started_at_, begun));
    services_.events.publish(AttemptStarted{task_->name, id_, attempt_, process.pid()});
    AttemptResult result = co_await follow(begun);
    co_return result;
}

/// Of a process that an earlier daemon started: the values that it was given and, if it has ended
/// and they cannot be read any more, those that it would be given now.
asio::awaitable<void> TaskRunner::hide_secrets(pid_t pid) {
    const std::vector<std::string>& names = task_->command.isolation->secrets;
    Secrets secrets(names, services_.lookup.environment_of(pid));
    StartFacts known;
    if (task_->command.isolation->needs_lookup()) {
        Result<StartFacts> found = co_await services_.lookup.look_up(task_);
        if (found) known = *std::move(found);
    }
    const Environment now = environment_of(*task_, services_.inherited, known, attempt_id(), {});
    secrets.add(Secrets(names, now));
    kept_->output->hide(std::move(secrets));
}

AttemptStart TaskRunner::as_started(const Process& process, WallTime at, MonoTime begun) const {
    const auto path_of = [](const OutputTarget& target) {
        return target.kind == OutputTarget::Kind::file ? target.path : std::string();
    };
    return {process.identity(),
            at,
            begun,
            process.file_offset(Stream::standard_output),
            process.file_offset(Stream::standard_error),
            path_of(task_->command.standard_output),
            path_of(task_->command.standard_error)};
}

/// The first one from `attempt` on. Records of those between may be lost with a store that failed.
const HeldAttempt* TaskRunner::held_from(std::uint32_t attempt) const {
    if (!inherited_) return nullptr;
    const auto& all = inherited_->held;
    const auto found = std::find_if(all.begin(), all.end(), [attempt](const HeldAttempt& each) {
        return each.id.attempt >= attempt;
    });
    return found == all.end() ? nullptr : &*found;
}

const HeldAttempt* TaskRunner::held(std::uint32_t attempt) const {
    const HeldAttempt* const found = held_from(attempt);
    return found != nullptr && found->id.attempt == attempt ? found : nullptr;
}

bool TaskRunner::has_started() const {
    if (!inherited_) return false;
    const auto& last = inherited_->record.last;
    return held(attempt_) != nullptr || (last && last->number == attempt_ && last->start);
}

asio::awaitable<AttemptResult> TaskRunner::take_over() {
    const InheritedRun inherited = *inherited_;
    const HeldAttempt* const is_held = held(attempt_);
    AttemptStart start;
    const auto& last = inherited.record.last;
    const bool recorded = last && last->number == attempt_ && last->start;
    if (recorded) {
        start = *last->start;
    } else {
        const auto told = parse_label(is_held->label);
        start.at = told ? told->at : services_.clock.wall_now();
        start.begun = told ? told->begun : services_.clock.mono_now();
        start.process = is_held->process;
    }
    started_at_ = start.at;
    if (is_held == nullptr) {
        if (held_from(attempt_ + 1) == nullptr) inherited_.reset();
        was_lost_before_ = !inherited.record.same_session;
        co_return lost(inherited.record.same_boot ? "it ended while nobody was there to see how"
                                                  : "the machine was restarted while it ran");
    }
    make_capture();
    if (!task_->command.isolation->secrets.empty()) co_await hide_secrets(start.process.pid);
    kept_->process = services_.launcher.take_over(attempt_id(), *kept_->output,
                                                  [changed = changed_] { changed->notify(); });
    if (held_from(attempt_ + 1) == nullptr) inherited_.reset();
    if (!kept_->process) co_return lost("the keeper does not know it");
    if (!recorded) {
        services_.store.attempt_started(id_, attempt_,
                                        as_started(*kept_->process, start.at, start.begun));
    }
    services_.events.publish(AttemptTakenOver{task_->name, id_, attempt_, kept_->process->pid()});
    AttemptResult result = co_await follow(start.begun);
    co_return result;
}

asio::awaitable<AttemptResult> TaskRunner::follow(MonoTime begun) {
    file_offsets_[0] = kept_->process->file_offset(Stream::standard_output);
    file_offsets_[1] = kept_->process->file_offset(Stream::standard_error);
    const EndedBy cause = co_await until_gone(begun);
    crash_point("after-exit");
    kept_->output->flush();
    survivors_ = kept_->process->survivors();
    co_return judge(cause, begun);
}

asio::awaitable<TaskRunner::EndedBy> TaskRunner::until_gone(MonoTime begun) {
    Process& process = *kept_->process;
    const std::optional<Duration> time_limit = task_->time_limit;  // adopt() may change the task's
    attempt_limit_ = time_limit;
    std::unique_ptr<Alarm> limit;
    if (time_limit) {
        limit =
            services_.clock.at(begun + *time_limit, [changed = changed_] { changed->notify(); });
    }
    EndedBy cause = EndedBy::itself;
    // Of one that was taken over, the daemon before may have decided.
    if (process.end_cause() == EndCause::time_limit) cause = EndedBy::time_limit;
    if (process.end_cause() == EndCause::stop) {
        cause = EndedBy::stop;
        if (!stop_reason_) stop_reason_ = "stopped before the daemon was restarted";
    }
    bool stopping = cause == EndedBy::stop;
    bool killing = false;
    // Ended by the process, which the time limit and stop() end in turn. If the keeper is lost,
    // nothing more is learned: the next Bansuri finds out, so the record must stay open.
    while (!process.gone()) {
        const bool runs = !process.exit_status().has_value() && !process.lost();
        const bool over_limit = runs && cause == EndedBy::itself && time_limit &&
                                services_.clock.mono_now() >= begun + *time_limit;
        if (stop_reason_ && !stopping) {
            stopping = true;
            if (runs && cause == EndedBy::itself) cause = EndedBy::stop;
            process.end(task_->stop_timeout, EndCause::stop);
        } else if (killed_ && !killing) {
            killing = true;
            process.end(Duration::zero(), EndCause::stop);
        } else if (over_limit) {
            cause = EndedBy::time_limit;
            process.end(task_->kill_grace, EndCause::time_limit);
        } else {
            co_await changed_->wait();
        }
    }
    co_return cause;
}

AttemptResult TaskRunner::judge(EndedBy cause, MonoTime begun) const {
    AttemptResult result;
    result.elapsed = services_.clock.mono_now() - begun;
    result.status = kept_->process->exit_status();
    if (!result.status) {
        result.outcome = Outcome::lost;
        result.reason = "nobody saw how it ended";
    } else if (cause == EndedBy::time_limit) {
        result.outcome = Outcome::timeout;
        result.reason = fmt::format("ran longer than {}",
                                    format_duration(attempt_limit_.value_or(Duration::zero())));
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

AttemptResult TaskRunner::not_started(const Error& error) {
    AttemptResult result;
    result.reason = error.message;
    return result;
}

AttemptResult TaskRunner::lost(std::string reason) {
    AttemptResult result;
    result.outcome = Outcome::lost;
    result.reason = std::move(reason);
    return result;
}

AttemptLabel TaskRunner::label(MonoTime begun) const {
    return {task_->name, order_.due, order_.origin, started_at_, begun};
}

LaunchSpec TaskRunner::launch_spec(MonoTime begun, StartFacts known) const {
    const Isolation& isolation = *task_->command.isolation;
    LaunchSpec spec;
    spec.id = attempt_id();
    spec.argv = {"/bin/sh", "-c", task_->command.line};
    spec.environment =
        environment_of(*task_, services_.inherited, known, spec.id, order_.due.instant);
    spec.account = std::move(known.account);
    spec.priority = isolation.priority;
    spec.umask = isolation.umask;
    spec.limits = isolation.limits;
    spec.working_directory = task_->command.working_directory;
    spec.standard_output = task_->command.standard_output;
    spec.standard_error = task_->command.standard_error;
    spec.survive = task_->survive;
    spec.stop_timeout = task_->stop_timeout;
    spec.label = encode(label(begun));
    return spec;
}

std::optional<std::uint32_t> TaskRunner::attempts_in_all() const {
    if (task_->retry.attempts == 0) return std::nullopt;
    return task_->retry.attempts;
}

FailureInfo TaskRunner::facts(FailureInfo::Kind kind, const AttemptResult& result) const {
    FailureInfo info;
    info.kind = kind;
    info.task = task_->name;
    info.description = task_->description;
    info.command = task_->command.line;
    info.working_directory = task_->command.working_directory;
    info.run = id_;
    info.attempt = attempt_;
    info.attempts = attempts_in_all();
    info.outcome = result.outcome;
    info.status = result.status;
    info.reason = result.reason;
    info.at = services_.clock.wall_now();
    info.elapsed = result.elapsed;
    info.standard_output = excerpt(task_->command.standard_output, Stream::standard_output);
    info.standard_error = excerpt(task_->command.standard_error, Stream::standard_error);
    if (kept_ && kept_->output) info.secrets = kept_->output->secrets();
    return info;
}

OutputExcerpt TaskRunner::excerpt(const OutputTarget& target, Stream stream) const {
    if (target.kind == OutputTarget::Kind::file) {
        OutputExcerpt from_file;
        from_file.path = target.path;
        from_file.offset = file_offsets_[stream == Stream::standard_output ? 0 : 1];
        return from_file;
    }
    if (!kept_ || !kept_->output) return {};
    return kept_->output->excerpt(stream);
}

}  // namespace bansuri::engine
