// SPDX-License-Identifier: MIT
#include "http/json.hpp"

#include "core/base64.hpp"
#include "core/iso8601.hpp"
#include "core/utf8.hpp"

namespace bansuri::http {
namespace {

Json time(const std::optional<WallTime>& at) { return at ? Json(format_utc(*at)) : Json(); }

Json text_or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }

double seconds(Duration span) { return std::chrono::duration<double>(span).count(); }

/// How an attempt or a run ended; all null while it is alive.
void add_result(Json& object, const std::optional<engine::AttemptResult>& result) {
    object["outcome"] = result ? Json(to_string(result->outcome)) : Json();
    object["code"] = nullptr;
    object["signal"] = nullptr;
    if (result && result->status) {
        const bool exited = result->status->kind == ExitStatus::Kind::exited;
        object[exited ? "code" : "signal"] = result->status->number;
    }
    object["reason"] = result ? text_or_null(result->reason) : Json();
    object["seconds"] = result ? Json(seconds(result->elapsed)) : Json();
}

std::string_view to_text(engine::RunOrigin origin) {
    switch (origin) {
        case engine::RunOrigin::schedule: return "schedule";
        case engine::RunOrigin::catch_up: return "catch-up";
        case engine::RunOrigin::manual: return "manual";
    }
    return "?";
}

}  // namespace

std::string to_text(const Json& document) {
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json as_json(const Identity& identity) {
    return {{"version", identity.version},
            {"api", "v1"},
            {"pid", identity.pid},
            {"number", identity.number}};
}

Json as_json(const engine::DaemonStatus& daemon) {
    Json problems = Json::array();
    for (const auto& problem : daemon.problems) {
        problems.push_back({{"component", problem.component}, {"reason", problem.reason}});
    }
    return {{"version", daemon.version},
            {"pid", daemon.pid},
            {"keeper_pid", daemon.keeper_pid},
            {"started_at", format_utc(daemon.started)},
            {"number", daemon.number},
            {"generation", daemon.generation},
            {"configuration", daemon.configuration},
            {"configuration_error", text_or_null(daemon.configuration_error)},
            {"degraded", !daemon.problems.empty()},
            {"problems", problems},
            {"tasks", daemon.tasks},
            {"runs_alive", daemon.runs_alive},
            {"shutting_down", daemon.shutting_down},
            {"timezone", daemon.zone.name()},
            {"now", format_utc(daemon.now)}};
}

Json as_json(const engine::TaskStatus& status) {
    const Task& task = *status.task;
    Json runs = Json::array();
    for (const engine::LiveRun& run : status.runs) {
        runs.push_back({{"run", run.id},
                        {"attempt", run.attempt},
                        {"pid", run.pid > 0 ? Json(run.pid) : Json()},
                        {"started_at", time(run.started)},
                        {"instant", format_utc(run.instant)}});
    }
    Json last;
    if (status.last) {
        last = {{"run", status.last->id},
                {"outcome", to_string(status.last->outcome)},
                {"ended_at", format_utc(status.last->ended)}};
    }
    // Not as a list in braces, which is copied twice: there may be ten thousand of these.
    Json::object_t object;
    object.reserve(17);
    const auto add = [&](const char* name, Json value) {
        object.emplace_back(name, std::move(value));
    };
    add("task", task.name);
    add("description", task.description);
    add("tags", task.tags);
    add("state", to_string(status.state));
    add("reason", text_or_null(status.reason));
    add("since", format_utc(status.since));
    add("enabled", task.enabled);
    add("schedule", schedule_text(task));
    add("timezone", status.zone.name());
    add("next", time(status.next));
    add("next_start", time(status.next_start));
    add("overdue", status.overdue);
    add("waiting", status.waiting);
    add("runs", std::move(runs));
    add("last", std::move(last));
    add("retry_at", time(status.retry_at));
    add("shortcomings", status.shortcomings);
    return object;
}

Json as_json(const engine::RunRecord& record) {
    const bool skipped = record.result && record.result->outcome == Outcome::skipped;
    Json object = {{"run", record.id},
                   {"task", record.task},
                   {"instant", format_utc(record.instant)},
                   {"origin", to_text(record.origin)},
                   {"claimed_at", format_utc(record.claimed_at)},
                   {"ended_at", time(record.ended_at)}};
    add_result(object, record.result);
    object["attempts"] = record.attempts;
    object["last_instant"] = skipped ? Json(format_utc(record.last_instant)) : Json();
    object["count"] = skipped ? Json(record.skipped_count) : Json();
    object["at_least"] = skipped && record.at_least;
    return object;
}

Json as_json(const engine::AttemptRecord& attempt) {
    Json object = {{"attempt", attempt.number},
                   {"pid", attempt.pid > 0 ? Json(attempt.pid) : Json()},
                   {"started_at", time(attempt.started_at)},
                   {"ended_at", time(attempt.ended_at)}};
    add_result(object, attempt.result);
    object["survivors"] = attempt.survivors;
    object["output_bytes"] = attempt.output_bytes;
    object["stdout_file"] = text_or_null(attempt.output_path);
    object["stderr_file"] = text_or_null(attempt.error_path);
    return object;
}

Json as_json(const engine::EventRecord& event) {
    return {{"event", event.id},
            {"at", format_utc(event.at)},
            {"kind", event.kind},
            {"text", event.text}};
}

Json as_json(const ReloadAnswer& answer) {
    Json object = {{"result", answer.refused   ? "refused"
                              : answer.applied ? "applied"
                                               : "unchanged"}};
    const auto add = [&](const char* name, auto member) {
        object[name] = answer.applied ? Json(*answer.applied.*member) : Json();
    };
    add("generation", &engine::ConfigurationApplied::generation);
    add("tasks", &engine::ConfigurationApplied::tasks);
    add("added", &engine::ConfigurationApplied::added);
    add("removed", &engine::ConfigurationApplied::removed);
    add("restarted", &engine::ConfigurationApplied::restarted);
    add("changed", &engine::ConfigurationApplied::changed);
    object["problems"] = answer.problems;
    return object;
}

Json as_json(const engine::OutputPiece& piece) {
    Json spans = Json::array();
    for (const auto& span : piece.spans) {
        Json object = {{"stream", span.is_error ? "stderr" : "stdout"}, {"text", span.bytes}};
        if (!is_utf8(span.bytes)) object["base64"] = to_base64(span.bytes);
        spans.push_back(std::move(object));
    }
    return {{"begin", piece.begin},
            {"end", piece.end},
            {"missing", piece.missing},
            {"complete", piece.complete},
            {"problem", text_or_null(piece.problem)},
            {"spans", std::move(spans)}};
}

}  // namespace bansuri::http
