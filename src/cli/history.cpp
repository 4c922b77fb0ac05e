// SPDX-License-Identifier: MIT
//
// `bansuri history`.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "cli/client_commands.hpp"
#include "cli/reading.hpp"
#include "cli/shown.hpp"
#include "cli/table.hpp"

namespace bansuri::cli {
namespace {

constexpr std::uint64_t most_a_page = 1000;

/// Newest first, page by page.
Result<Json> records(const HistoryCommand& command, ApiClient& api) {
    Json all = Json::array();
    std::optional<std::uint64_t> before;
    while (all.size() < command.count) {
        Parameters parameters;
        if (!command.task.empty()) parameters.emplace_back("task", command.task);
        if (!command.outcome.empty()) parameters.emplace_back("outcome", command.outcome);
        if (before) parameters.emplace_back("before", std::to_string(*before));
        parameters.emplace_back("limit",
                                std::to_string(std::min(most_a_page, command.count - all.size())));
        const Result<Json> page = api.get("/api/v1/history", parameters);
        if (!page) return tl::unexpected(page.error());
        for (const Json& record : list_of(*page, "runs")) all.push_back(record);
        if (!member(*page, "next_before").is_number_unsigned()) break;
        before = number_of(*page, "next_before");
    }
    return all;
}

std::string instant_of(const Json& record, const Surroundings& around) {
    const auto first = time_of(record, "instant");
    if (!first) return "-";
    std::string text = shown_time(*first, around.now, around.zone);
    if (const std::uint64_t count = number_of(record, "count"); count > 1) {
        text += fmt::format(" (and {}{} more)", is_set(record, "at_least") ? "at least " : "",
                            count - 1);
    }
    return text;
}

Cell outcome_of(const Json& record) {
    const std::string outcome = text_of(record, "outcome");
    if (outcome.empty()) return {"(alive)", Colour::green};
    return {outcome, colour_of(outcome)};
}

std::string took(const Json& record, const Surroundings& around) {
    const Json& seconds = member(record, "seconds");
    if (text_of(record, "outcome") == "SKIPPED") return "-";
    if (seconds.is_number()) {
        return shown_span(
            std::chrono::round<Duration>(std::chrono::duration<double>(seconds.get<double>())));
    }
    const auto since = time_of(record, "claimed_at");
    return since ? shown_span(around.now - *since) : "-";
}

std::string note_of(const Json& record) {
    std::string note;
    if (member(record, "signal").is_number()) {
        note = fmt::format("signal {}", number_of(record, "signal"));
    } else if (const std::uint64_t code = number_of(record, "code"); code != 0) {
        note = fmt::format("exit code {}", code);
    }
    if (const std::string reason = text_of(record, "reason"); !reason.empty()) {
        note += (note.empty() ? "" : ", ") + reason;
    }
    const std::string origin = text_of(record, "origin");
    if (origin == "manual" || origin == "catch-up") note += (note.empty() ? "" : ", ") + origin;
    return note;
}

}  // namespace

int execute(const HistoryCommand& command, ApiClient& api, const Surroundings& around) {
    const Result<Json> found = records(command, api);
    if (!found) return refuse(around, "history", found.error());
    if (command.client.json) {
        print_json({{"runs", *found}}, around);
        return 0;
    }
    if (found->empty()) {
        around.out << "no run is recorded\n";
        return 0;
    }
    Table table({{"RUN", true},
                 {"TASK", false, true},
                 {"INSTANT"},
                 {"OUTCOME"},
                 {"TOOK", true},
                 {"ATTEMPTS", true},
                 {"NOTE", false, true}});
    for (const Json& record : *found) {
        const std::uint64_t attempts = number_of(record, "attempts");
        table.add({std::to_string(number_of(record, "run")), text_of(record, "task"),
                   instant_of(record, around), outcome_of(record), took(record, around),
                   attempts > 0 ? std::to_string(attempts) : std::string("-"), note_of(record)});
    }
    table.print(around.out, around.width, around.colour);
    return 0;
}

}  // namespace bansuri::cli
