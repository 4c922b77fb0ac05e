// SPDX-License-Identifier: MIT
#include "app/event_log.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/duration.hpp"
#include "core/iso8601.hpp"

namespace bansuri::app {
namespace {

using engine::AttemptEnded;
using spdlog::level::level_enum;

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

/// As a person tells a span: never more than milliseconds.
std::string shown(Duration span) {
    return format_duration(std::chrono::round<std::chrono::milliseconds>(span));
}

std::string words_of(const AttemptEnded& event) {
    std::string words = fmt::format("{}: {}", event.task, to_string(event.result.outcome));
    if (event.result.outcome != Outcome::success) {
        if (event.result.status) words += ", " + describe(*event.result.status);
        if (!event.result.reason.empty()) words += ", " + event.result.reason;
    }
    words += fmt::format(" after {}, run {}", shown(event.result.elapsed), event.run);
    if (event.attempt > 1 || event.retry_in) {
        words += fmt::format(", attempt {}", event.attempt);
        if (event.attempts) words += fmt::format("/{}", *event.attempts);
    }
    if (event.retry_in) words += fmt::format(", again in {}", shown(*event.retry_in));
    if (event.survivors > 0) words += fmt::format(", {} processes live on", event.survivors);
    return words;
}

struct Writer {
    Log& log;

    void operator()(const engine::StateChanged& event) const {
        // The attempts tell the rest; that a task will not run again is news of its own.
        const level_enum level =
            event.to == TaskState::stopped ? level_enum::warn : level_enum::debug;
        if (!log.wants(level)) return;
        std::string words = fmt::format("{}: {}", event.task, to_string(event.to));
        if (!event.reason.empty()) words += ", " + event.reason;
        log.say(level, "state", words,
                {{"task", event.task},
                 {"from", to_string(event.from)},
                 {"to", to_string(event.to)},
                 {"reason", event.reason}});
    }
    void operator()(const engine::AttemptStarted& event) const {
        std::string words = fmt::format("{}: RUNNING, run {}", event.task, event.run);
        if (event.attempt > 1) words += fmt::format(", attempt {}", event.attempt);
        words += fmt::format(", pid {}", event.pid);
        log.say(level_enum::info, "attempt-started", words,
                {{"task", event.task},
                 {"run", event.run},
                 {"attempt", event.attempt},
                 {"pid", event.pid}});
    }
    void operator()(const engine::AttemptTakenOver& event) const {
        log.say(level_enum::info, "attempt-taken-over",
                fmt::format("{}: still RUNNING, run {}, attempt {}, pid {}", event.task, event.run,
                            event.attempt, event.pid),
                {{"task", event.task},
                 {"run", event.run},
                 {"attempt", event.attempt},
                 {"pid", event.pid}});
    }
    void operator()(const AttemptEnded& event) const {
        nlohmann::json fields = {{"task", event.task},
                                 {"run", event.run},
                                 {"attempt", event.attempt},
                                 {"outcome", to_string(event.result.outcome)},
                                 {"seconds", seconds(event.result.elapsed)}};
        if (const auto& status = event.result.status) {
            const bool exited = status->kind == ExitStatus::Kind::exited;
            fields[exited ? "code" : "signal"] = status->number;
        }
        if (!event.result.reason.empty()) fields["reason"] = event.result.reason;
        if (event.retry_in) fields["retry_in"] = seconds(*event.retry_in);
        const bool fine =
            event.result.outcome == Outcome::success || event.result.outcome == Outcome::stopped;
        log.say(fine ? level_enum::info : level_enum::warn, "attempt-ended", words_of(event),
                fields);
    }
    void operator()(const engine::RunEnded&) const {}  // its last attempt told it
    void operator()(const engine::InstantsSkipped& event) const {
        const engine::SkippedInstants& skipped = event.instants;
        std::string words =
            fmt::format("{}: SKIPPED {}", event.task, format_local(skipped.first, log.zone()));
        if (skipped.count > 1) {
            words += fmt::format(" and {}{} more", skipped.at_least ? "at least " : "",
                                 skipped.count - 1);
        }
        words += ", " + skipped.reason;
        log.say(level_enum::warn, "skipped", words,
                {{"task", event.task},
                 {"first", format_utc(skipped.first)},
                 {"last", format_utc(skipped.last)},
                 {"count", skipped.count},
                 {"reason", skipped.reason}});
    }
    void operator()(const engine::SuccessOverdue& event) const {
        const bool never = event.last_success == WallTime{};
        log.say(
            level_enum::warn, "success-overdue",
            fmt::format("{}: no success for {}, {}", event.task, shown(event.expected_within),
                        never ? "none is known"
                              : "the last one at " + format_local(event.last_success, log.zone())),
            {{"task", event.task},
             {"expected_within", seconds(event.expected_within)},
             {"last_success",
              never ? nlohmann::json() : nlohmann::json(format_utc(event.last_success))}});
    }
    void operator()(const engine::ConfigurationApplied& event) const {
        std::string words =
            fmt::format("configuration: {} task{}", event.tasks, event.tasks == 1 ? "" : "s");
        if (event.generation > 1) {
            words += fmt::format(", {} added, {} removed, {} restarted, {} changed in place",
                                 event.added, event.removed, event.restarted, event.changed);
        }
        log.say(level_enum::info, "configuration", words,
                {{"generation", event.generation},
                 {"tasks", event.tasks},
                 {"added", event.added},
                 {"removed", event.removed},
                 {"restarted", event.restarted},
                 {"changed", event.changed}});
    }
    void operator()(const engine::LimitNotEnforced& event) const {
        std::string words = fmt::format("limits.{} (task \"{}\"", event.what, event.task);
        if (event.tasks > 1) words += fmt::format(" and {} more", event.tasks - 1);
        log.say(level_enum::warn, "limit-not-enforced", words + ")",
                {{"reason", event.what}, {"task", event.task}, {"tasks", event.tasks}});
    }
    void operator()(const engine::ClockStepped& event) const {
        const bool back = event.by < Duration::zero();
        log.say(level_enum::warn, "clock-set",
                fmt::format("the clock was set {} by {}", back ? "back" : "forward",
                            shown(back ? -event.by : event.by)),
                {{"by", seconds(event.by)}});
    }
};

}  // namespace

std::shared_ptr<void> log_events(engine::EventBus& events, Log& log) {
    return events.subscribe([&log](const engine::Event& event) { std::visit(Writer{log}, event); });
}

}  // namespace bansuri::app
