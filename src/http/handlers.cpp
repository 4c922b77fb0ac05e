// SPDX-License-Identifier: MIT
#include "http/handlers.hpp"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>

#include "core/printable.hpp"
#include "core/quote.hpp"
#include "http/ask.hpp"
#include "http/json.hpp"
#include "http/nearest.hpp"
#include "http/why.hpp"

namespace bansuri::http {
namespace asio = boost::asio;

namespace {

constexpr auto patience = std::chrono::seconds(10);
// A configuration of the largest size that is taken needs a second or two.
constexpr auto patience_for_reload = std::chrono::seconds(60);
constexpr std::uint64_t most_records = 1000;
constexpr std::uint64_t most_output = 1024 * 1024;  // bytes an answer
// Records of one task that explain where it stands, of each kind.
constexpr std::size_t records_for_why = 20;

Response ok(const Json& document, unsigned status = 200) {
    return {status, "application/json", to_text(document) + "\n"};
}

asio::awaitable<Result<StatusAnswer>> status_of(Exchange& exchange,
                                                std::vector<std::string> names) {
    auto question = [&backend = exchange.backend, names](Backend::Done<StatusAnswer> done) {
        backend.status(names, std::move(done));
    };
    co_return co_await ask<StatusAnswer>(exchange.context, std::move(question), patience);
}

/// The one task of this name; the error (not_found) suggests another.
asio::awaitable<Result<StatusAnswer>> status_of_one(Exchange& exchange, std::string name) {
    std::vector<std::string> names(1, name);
    Result<StatusAnswer> answer = co_await status_of(exchange, names);
    if (!answer || !answer->tasks.empty()) co_return answer;
    names.clear();
    answer = co_await status_of(exchange, names);
    if (!answer) co_return answer;
    co_return fail(ErrorCode::not_found, unknown_task(name, answer->tasks));
}

// Names have no such characters, so that nothing is both.
bool is_glob(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

bool matches(const std::string& pattern, const std::string& name) {
    return is_glob(pattern) ? ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0 : pattern == name;
}

Result<std::optional<Outcome>> outcome_of(const Query& query) {
    const auto text = query.text("outcome");
    if (!text) return tl::unexpected(text.error());
    if (!*text) return std::nullopt;
    constexpr std::array all = {Outcome::success, Outcome::failed,  Outcome::timeout,
                                Outcome::stopped, Outcome::skipped, Outcome::lost};
    std::string wanted = **text;
    for (char& c : wanted) {
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    }
    for (const Outcome outcome : all) {
        if (wanted == to_string(outcome)) return outcome;
    }
    return fail(ErrorCode::usage,
                fmt::format("the parameter \"outcome\" is {}; write SUCCESS, FAILED, TIMEOUT, "
                            "STOPPED, SKIPPED or LOST",
                            quote(**text)));
}

Result<engine::RunId> run_of(const Exchange& exchange) {
    const std::string& text = exchange.arguments.at(0);
    if (const auto number = parse_number(text)) return *number;
    return fail(ErrorCode::usage, fmt::format("{} is not the number of a run", quote(text)));
}

tl::unexpected<Error> no_run(engine::RunId id) {
    return fail(ErrorCode::not_found,
                fmt::format("there is no run {}: it never was, or it is no longer kept", id));
}

Result<engine::HistoryQuery> history_query(const Query& query) {
    engine::HistoryQuery wanted;
    auto task = query.text("task");
    if (!task) return tl::unexpected(task.error());
    wanted.task = std::move(*task);
    const auto outcome = outcome_of(query);
    if (!outcome) return tl::unexpected(outcome.error());
    wanted.outcome = *outcome;
    const auto before = query.number("before", 0, UINT64_MAX);
    if (!before) return tl::unexpected(before.error());
    wanted.before = *before;
    const auto limit = query.number("limit", 1, most_records);
    if (!limit) return tl::unexpected(limit.error());
    wanted.limit = static_cast<std::size_t>(limit->value_or(wanted.limit));
    return wanted;
}

struct OutputQuery {
    std::optional<std::uint64_t> attempt;
    std::uint64_t position = 0;
    std::size_t limit = 64 * 1024;
    std::optional<bool> is_error;  ///< only this stream
    bool raw = false;

    static Result<OutputQuery> of(const Query& query) {
        OutputQuery wanted;
        const auto attempt = query.number("attempt", 1, UINT32_MAX);
        if (!attempt) return tl::unexpected(attempt.error());
        wanted.attempt = *attempt;
        const auto position = query.number("position", 0, INT64_MAX);
        if (!position) return tl::unexpected(position.error());
        wanted.position = position->value_or(0);
        const auto limit = query.number("limit", 1, most_output);
        if (!limit) return tl::unexpected(limit.error());
        wanted.limit = static_cast<std::size_t>(limit->value_or(wanted.limit));
        const auto stream = query.text("stream");
        if (!stream) return tl::unexpected(stream.error());
        if (*stream) {
            if (**stream != "stdout" && **stream != "stderr") {
                return fail(ErrorCode::usage,
                            fmt::format("the parameter \"stream\" is {}; write stdout or stderr",
                                        quote(**stream)));
            }
            wanted.is_error = **stream == "stderr";
        }
        wanted.raw = query.has("raw");
        return wanted;
    }
};

Response raw(const engine::OutputPiece& piece, std::uint32_t attempt) {
    Response response;
    response.content_type = "application/octet-stream";
    for (const auto& span : piece.spans) response.body += span.bytes;
    response.headers = {{"Bansuri-Attempt", std::to_string(attempt)},
                        {"Bansuri-Begin", std::to_string(piece.begin)},
                        {"Bansuri-End", std::to_string(piece.end)},
                        {"Bansuri-Missing", std::to_string(piece.missing)},
                        {"Bansuri-Complete", piece.complete ? "true" : "false"}};
    if (!piece.problem.empty()) {
        response.headers.emplace_back("Bansuri-Problem", printable_line(piece.problem));
    }
    return response;
}

}  // namespace

asio::awaitable<Result<Response>> get_status(Exchange& exchange) {
    const std::vector<std::string> wanted = exchange.query.all("task");
    std::vector<std::string> names = wanted;
    if (std::any_of(wanted.begin(), wanted.end(), is_glob)) names.clear();
    Result<StatusAnswer> answer = co_await status_of(exchange, names);
    if (!answer) co_return tl::unexpected(answer.error());
    std::vector<engine::TaskStatus>& tasks = answer->tasks;
    for (const std::string& pattern : wanted) {
        if (std::any_of(tasks.begin(), tasks.end(),
                        [&](const auto& status) { return matches(pattern, status.task->name); })) {
            continue;
        }
        if (is_glob(pattern)) {
            co_return fail(ErrorCode::not_found, fmt::format("no task matches {}", quote(pattern)));
        }
        names.clear();
        const Result<StatusAnswer> all = co_await status_of(exchange, names);
        if (!all) co_return tl::unexpected(all.error());
        co_return fail(ErrorCode::not_found, unknown_task(pattern, all->tasks));
    }
    if (!wanted.empty()) {
        std::erase_if(tasks, [&](const engine::TaskStatus& status) {
            return std::none_of(wanted.begin(), wanted.end(), [&](const std::string& pattern) {
                return matches(pattern, status.task->name);
            });
        });
    }
    std::sort(tasks.begin(), tasks.end(),
              [](const auto& a, const auto& b) { return a.task->name < b.task->name; });
    Json list = Json::array();
    for (const engine::TaskStatus& status : tasks) list.push_back(as_json(status));
    co_return ok({{"daemon", as_json(answer->daemon)}, {"tasks", std::move(list)}});
}

asio::awaitable<Result<Response>> get_history(Exchange& exchange) {
    const Result<engine::HistoryQuery> wanted = history_query(exchange.query);
    if (!wanted) co_return tl::unexpected(wanted.error());
    const std::vector<engine::RunRecord> records = exchange.backend.history().runs(*wanted);
    if (records.empty() && wanted->task && !wanted->before) {
        // A task that has yet to run is no mistake; one that nobody knows is.
        engine::HistoryQuery any;
        any.task = wanted->task;
        any.limit = 1;
        if (!wanted->outcome || exchange.backend.history().runs(any).empty()) {
            const Result<StatusAnswer> known = co_await status_of_one(exchange, *wanted->task);
            if (!known) co_return tl::unexpected(known.error());
        }
    }
    Json list = Json::array();
    for (const engine::RunRecord& record : records) list.push_back(as_json(record));
    const bool may_go_on = records.size() == wanted->limit;
    co_return ok(
        {{"runs", std::move(list)}, {"next_before", may_go_on ? Json(records.back().id) : Json()}});
}

asio::awaitable<Result<Response>> get_run(Exchange& exchange) {
    const Result<engine::RunId> id = run_of(exchange);
    if (!id) co_return tl::unexpected(id.error());
    const auto record = exchange.backend.history().run(*id);
    if (!record) co_return no_run(*id);
    Json attempts = Json::array();
    for (const auto& attempt : exchange.backend.history().attempts(*id)) {
        attempts.push_back(as_json(attempt));
    }
    Json document = as_json(*record);
    document["attempt_records"] = std::move(attempts);
    co_return ok(document);
}

asio::awaitable<Result<Response>> get_output(Exchange& exchange) {
    const Result<engine::RunId> id = run_of(exchange);
    if (!id) co_return tl::unexpected(id.error());
    const Result<OutputQuery> wanted = OutputQuery::of(exchange.query);
    if (!wanted) co_return tl::unexpected(wanted.error());
    std::uint64_t attempt = wanted->attempt.value_or(0);
    if (!wanted->attempt) {
        const auto record = exchange.backend.history().run(*id);
        if (!record) co_return no_run(*id);
        attempt = std::max<std::uint64_t>(1, record->attempts);
    }
    const auto number = static_cast<std::uint32_t>(attempt);
    auto choice = engine::OutputChoice::captured_or_stdout;
    if (wanted->is_error) {
        choice = *wanted->is_error ? engine::OutputChoice::standard_error
                                   : engine::OutputChoice::standard_output;
    }
    auto piece =
        exchange.backend.history().output(*id, number, choice, wanted->position, wanted->limit);
    if (!piece) {
        co_return fail(ErrorCode::not_found,
                       fmt::format("there is no output of run {}, attempt {}: there was no such "
                                   "attempt, or it is no longer kept",
                                   *id, attempt));
    }
    if (wanted->is_error) {
        std::erase_if(piece->spans,
                      [&](const auto& span) { return span.is_error != *wanted->is_error; });
    }
    if (wanted->raw) co_return raw(*piece, number);
    Json document = {{"run", *id}, {"attempt", attempt}};
    document.update(as_json(*piece));
    co_return ok(document);
}

namespace {

/// What is recorded of the task. Refers to `history`.
WhyFacts facts_of(const std::string& task, engine::RunHistory& history) {
    engine::HistoryQuery latest;
    latest.task = task;
    latest.limit = records_for_why;
    WhyFacts facts;
    facts.records = history.runs(latest);
    facts.runs = [&history, runs = latest]() mutable {
        runs.without_skips = true;
        return history.runs(runs);
    };
    facts.failures = [&history, failures = latest]() mutable {
        // An outcome at a time: for that there is an index.
        std::vector<engine::RunRecord> found;
        for (const Outcome outcome : {Outcome::failed, Outcome::timeout, Outcome::lost}) {
            failures.outcome = outcome;
            for (auto& record : history.runs(failures)) found.push_back(std::move(record));
        }
        return found;
    };
    facts.run = [&history](engine::RunId id) { return history.run(id); };
    facts.attempts = [&history](engine::RunId id) { return history.attempts(id); };
    return facts;
}

}  // namespace

asio::awaitable<Result<Response>> get_why(Exchange& exchange) {
    auto name = exchange.query.text("task");
    if (!name) co_return tl::unexpected(name.error());
    if (!*name) {
        co_return fail(ErrorCode::usage, "the parameter \"task\" is missing; write ?task=NAME");
    }
    const Result<StatusAnswer> answer = co_await status_of_one(exchange, **name);
    if (!answer && answer.error().code != ErrorCode::not_found) {
        co_return tl::unexpected(answer.error());
    }
    WhyFacts facts = facts_of(**name, exchange.backend.history());
    Json document = {{"task", **name}, {"state", nullptr}};
    if (answer) {
        const engine::TaskStatus& status = answer->tasks.front();
        facts.zone = status.zone;
        facts.now = answer->daemon.now;
        facts.shutting_down = answer->daemon.shutting_down;
        document["state"] = to_string(status.state);
        document["sentences"] = why(status, facts);
    } else {
        if (facts.records.empty()) co_return tl::unexpected(answer.error());
        document["sentences"] = why_not_configured(facts);
    }
    co_return ok(document);
}

asio::awaitable<Result<Response>> get_events(Exchange& exchange) {
    const auto limit = exchange.query.number("limit", 1, most_records);
    if (!limit) co_return tl::unexpected(limit.error());
    Json list = Json::array();
    const auto most = static_cast<std::size_t>(limit->value_or(50));
    for (const auto& event : exchange.backend.history().events(most)) {
        list.push_back(as_json(event));
    }
    co_return ok({{"events", std::move(list)}});
}

asio::awaitable<Result<Response>> get_version(Exchange& exchange) {
    co_return ok(as_json(exchange.backend.identity()));
}

asio::awaitable<Result<Response>> post_reload(Exchange& exchange) {
    using Answer = Result<ReloadAnswer>;
    auto question = [&backend = exchange.backend](Backend::Done<Answer> done) {
        backend.reload(std::move(done));
    };
    const Result<Answer> answer =
        co_await ask<Answer>(exchange.context, std::move(question), patience_for_reload);
    if (!answer) co_return tl::unexpected(answer.error());
    if (!*answer) co_return tl::unexpected(answer->error());
    co_return ok(as_json(**answer));
}

namespace {

/// Asks for an end; the answer is which daemon it is that ends.
asio::awaitable<Result<Response>> post_end(Exchange& exchange,
                                           void (Backend::*verb)(Backend::Done<Result<void>>)) {
    auto question = [&backend = exchange.backend, verb](Backend::Done<Result<void>> done) {
        (backend.*verb)(std::move(done));
    };
    const Result<Result<void>> answer =
        co_await ask<Result<void>>(exchange.context, std::move(question), patience);
    if (!answer) co_return tl::unexpected(answer.error());
    if (!*answer) co_return tl::unexpected(answer->error());
    co_return ok(as_json(exchange.backend.identity()), 202);
}

}  // namespace

asio::awaitable<Result<Response>> post_shutdown(Exchange& exchange) {
    return post_end(exchange, &Backend::shutdown);
}

asio::awaitable<Result<Response>> post_restart_daemon(Exchange& exchange) {
    return post_end(exchange, &Backend::restart_daemon);
}

}  // namespace bansuri::http
