// SPDX-License-Identifier: MIT
#include "core/config/task_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "core/config/cron_advice.hpp"

namespace bansuri::config {
namespace {

std::string_view name_of(Key key) { return task_keys()[static_cast<std::size_t>(key)].name; }

/// Reports about keys of one draft.
class Judge {
  public:
    Judge(const TaskDraft& draft, ReadContext& context) : draft_(draft), context_(context) {}

    void about(Severity severity, Key key, Problem problem) {
        const Subject subject = subject_of(key);
        context_.sink.report(severity, subject, draft_.place(key), std::move(problem));
    }
    void about_task(Severity severity, Key key, Offset place, Problem problem) {
        context_.sink.report_at(severity, subject_of(key), place, std::move(problem));
    }

    /// Two keys exclude each other: the later one is reported, with the place of the other.
    void refuse_both(Key a, Key b, std::string_view remedy) {
        if (context_.sink.only_counts(Severity::error)) return;
        if (draft_.place(a).begin > draft_.place(b).begin) std::swap(a, b);
        const Position other = context_.sink.source().locate(draft_.place(a).begin);
        about(Severity::error, b,
              {fmt::format("it stands together with \"{}\" at {}", name_of(a), to_string(other)),
               std::string(remedy)});
    }

    /// Each of `keys` that the draft owns is there for nothing.
    void without_effect(std::initializer_list<Key> keys, std::string_view why) {
        for (const Key key : keys) {
            if (!draft_.owns(key)) continue;
            about(Severity::warning, key,
                  {fmt::format("it has no effect {}", why), "remove it, or add what it needs"});
        }
    }

  private:
    /// In `defaults` the subject carries their name: "defaults.timer".
    Subject subject_of(Key key) {
        key_ = std::string(context_.subject.key);
        if (!key_.empty()) key_ += '.';
        key_ += name_of(key);
        return {context_.subject.task, context_.subject.task_number, key_};
    }

    const TaskDraft& draft_;
    ReadContext& context_;
    std::string key_;
};

/// A task's own timer wins over an inherited cron expression, and so on: what the task says
/// itself is what it wants.
void settle_alternatives(TaskDraft& draft) {
    const auto settle = [&draft](Key a, Key b) {
        if (!draft.has(a) || !draft.has(b) || draft.owns(a) == draft.owns(b)) return;
        draft.drop(draft.owns(a) ? b : a);
    };
    settle(Key::timer, Key::schedule_cron);
    settle(Key::times, Key::max_attempts);
}

void warn_about_mode(NotifyMode mode, Judge& judge) {
    if (mode != NotifyMode::after_many) {
        judge.without_effect({Key::notify_threshold}, "without \"notify-mode\": \"after-many\"");
    }
    if (mode != NotifyMode::incident) {
        judge.without_effect({Key::notify_remind}, "without \"notify-mode\": \"incident\"");
    } else {
        judge.without_effect({Key::notify_on_recovery},
                             "with \"notify-mode\": \"incident\", which tells the recovery anyhow");
    }
}

void warn(const TaskDraft& draft, Offset task_place, Judge& judge) {
    const Task& task = draft.task;
    const bool scheduled = !std::holds_alternative<Once>(task.schedule);
    if (scheduled && task.on_fail == OnFail::stop) {
        Problem problem{"one failure then ends its schedule, because on-fail is \"stop\"",
                        R"(write "on-fail": "continue" or "restart", unless that is meant)"};
        if (draft.owns(Key::on_fail)) {
            judge.about(Severity::warning, Key::on_fail, std::move(problem));
        } else {
            judge.about_task(Severity::warning, Key::on_fail, task_place, std::move(problem));
        }
    }
    if (task.on_fail != OnFail::restart) {
        judge.without_effect({Key::times, Key::max_attempts, Key::restart_delay,
                              Key::restart_backoff, Key::on_exhausted},
                             "without \"on-fail\": \"restart\"");
    } else if (draft.attempts.value_or(0) == 0) {
        judge.without_effect({Key::on_exhausted}, "without a limit of attempts (\"times\")");
    }
    if (!draft.has(Key::timeout)) judge.without_effect({Key::kill_grace}, "without \"timeout\"");
    if (!std::holds_alternative<CronSchedule>(task.schedule)) {
        judge.without_effect({Key::timezone}, "without a cron expression");
    }
    if (!scheduled) {
        // A once-task has one instant, and each start of Bansuri is that instant.
        judge.without_effect({Key::catch_up, Key::catch_up_window, Key::jitter},
                             "without a schedule");
    } else if (task.catch_up == CatchUp::none) {
        judge.without_effect({Key::catch_up_window}, "without \"catch-up\"");
    }
    const auto* timer = std::get_if<Timer>(&task.schedule);
    if (timer != nullptr && task.jitter > timer->interval && draft.owns(Key::jitter)) {
        judge.about(Severity::warning, Key::jitter,
                    {"it is longer than the interval, and no instant is delayed beyond the next",
                     "write a shorter one"});
    }
    if (!task.notify.enabled) {
        judge.without_effect({Key::notify_after, Key::notify_mode, Key::notify_threshold,
                              Key::notify_on_recovery, Key::notify_remind},
                             "without \"notify\"");
    } else {
        warn_about_mode(task.notify.mode, judge);
    }
}

void set_schedule(TaskDraft& draft, const Surroundings& surroundings, ReadContext& context,
                  Judge& judge) {
    if (draft.timer) {
        draft.task.schedule = Timer{*draft.timer};
        return;
    }
    if (draft.cron.empty() || draft.cron == "@reboot") return;
    TimeZone zone = surroundings.zone;
    if (!draft.zone.empty()) {
        if (const auto own = context.cache.zone(draft.zone)) zone = *own;
    }
    auto schedule = context.cache.cron(draft.cron, zone);
    if (schedule) {
        draft.task.schedule = *std::move(schedule);
        draft.task.cron = draft.cron;
    } else {
        // It was valid in the root's zone: daylight saving of this one skips each of its times.
        judge.about(Severity::error, Key::schedule_cron,
                    problem_of(schedule.error().message, draft.cron));
    }
}

void set_paths(TaskDraft& draft, const std::string& base) {
    Command& command = draft.task.command;
    command.working_directory = resolve(draft.working_directory, base);
    const auto place = [&](OutputTarget& target, const std::string& path) {
        if (target.kind != OutputTarget::Kind::file) return;
        target.path = resolve(path, command.working_directory);
    };
    for (std::string_view path : draft.environment_files) {
        const bool required = !path.starts_with('-');
        if (!required) path.remove_prefix(1);
        command.isolation.edit().environment_files.push_back(
            {resolve(path, command.working_directory), required});
    }
    place(command.standard_output, draft.standard_output);
    place(command.standard_error, draft.standard_error);
    if (draft.has(Key::standard_output) && !draft.has(Key::standard_error)) {
        command.standard_error.kind = OutputTarget::Kind::combined;
    }
}

}  // namespace

std::string resolve(std::string_view path, std::string_view directory) {
    std::string resolved;
    const auto append = [&resolved](std::string_view parts) {
        for (std::size_t at = 0; at < parts.size();) {
            const std::size_t end = std::min(parts.find('/', at), parts.size());
            const std::string_view part = parts.substr(at, end - at);
            // ".." stays: what it means depends on symbolic links, which only the kernel knows.
            if (!part.empty() && part != ".") (resolved += '/') += part;
            at = end + 1;
        }
    };
    if (!path.starts_with('/')) append(directory);
    append(path);
    return resolved.empty() ? "/" : resolved;
}

void check_own_keys(const TaskDraft& draft, ReadContext& context) {
    Judge judge(draft, context);
    if (draft.owns(Key::timer) && draft.owns(Key::schedule_cron)) {
        judge.refuse_both(Key::timer, Key::schedule_cron, "keep one of them");
    }
    if (draft.owns(Key::times) && draft.owns(Key::max_attempts)) {
        judge.refuse_both(Key::times, Key::max_attempts, "keep one: they are the same key");
    }
    using Kind = OutputTarget::Kind;
    if (draft.owns(Key::standard_output) &&
        draft.task.command.standard_output.kind == Kind::combined) {
        judge.about(Severity::error, Key::standard_output,
                    {"only stderr can be combined with the other stream",
                     R"(write a path here, and "stderr": "combined")"});
    }
    const auto warn_about_home = [&](Key key, std::string_view path) {
        if (!draft.owns(key) || (path != "~" && !path.starts_with("~/"))) return;
        judge.about(Severity::warning, key,
                    {"~ is not expanded: it is taken as the name of a directory",
                     "write the path of the home directory"});
    };
    warn_about_home(Key::working_directory, draft.working_directory);
    warn_about_home(Key::standard_output, draft.standard_output);
    warn_about_home(Key::standard_error, draft.standard_error);
    if (draft.owns(Key::schedule_cron) && context.sink.keeps(Severity::warning)) {
        for (Problem& advice : advise_on_cron(draft.cron)) {
            judge.about(Severity::warning, Key::schedule_cron, std::move(advice));
        }
    }
}

Task finish_task(TaskDraft&& draft, Span place, std::size_t errors_before,
                 const Surroundings& surroundings, ReadContext& context) {
    check_own_keys(draft, context);
    settle_alternatives(draft);
    Judge judge(draft, context);
    if (!draft.has(Key::name)) {
        judge.about_task(Severity::error, Key::name, place.begin,
                         {"the task has no name", R"(add "name": "...")"});
    }
    if (!draft.has(Key::command) && !draft.has(Key::task)) {
        judge.about_task(Severity::error, Key::command, place.begin,
                         {"the task has no command", R"(add "command": "...")"});
    }
    if (draft.has(Key::command) && draft.has(Key::task)) {
        judge.refuse_both(Key::command, Key::task, "keep one of them");
    }
    set_schedule(draft, surroundings, context, judge);
    set_paths(draft, surroundings.directory);
    draft.task.retry.attempts =
        draft.task.on_fail == OnFail::restart ? draft.attempts.value_or(0) : 1;
    if (context.sink.errors() == errors_before) warn(draft, place.begin, judge);
    return std::move(draft.task);
}

}  // namespace bansuri::config
