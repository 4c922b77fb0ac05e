// SPDX-License-Identifier: MIT
//
// `bansuri status`.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "cli/client_commands.hpp"
#include "cli/reading.hpp"
#include "cli/shown.hpp"
#include "cli/table.hpp"
#include "core/counted.hpp"
#include "core/printable.hpp"

namespace bansuri::cli {
namespace {

void print_head(const Json& daemon, const Surroundings& around) {
    std::string line = fmt::format("bansuri {}, daemon {} (pid {})", text_of(daemon, "version"),
                                   number_of(daemon, "number"), number_of(daemon, "pid"));
    if (const auto started = time_of(daemon, "started_at")) {
        line += ", up " + shown_span(around.now - *started);
    }
    line += fmt::format(", {}, {} alive", counted(number_of(daemon, "tasks"), "task"),
                        counted(number_of(daemon, "runs_alive"), "run"));
    if (is_set(daemon, "shutting_down")) line += ", shutting down";
    around.out << printable_line(line) << '\n';
    const auto warn = [&](const std::string& text) {
        around.out << coloured(printable_lines(text), Colour::red, around.colour) << '\n';
    };
    for (const Json& problem : list_of(daemon, "problems")) {
        warn(fmt::format("degraded: {}: {}", text_of(problem, "component"),
                         text_of(problem, "reason")));
    }
    if (const std::string error = text_of(daemon, "configuration_error"); !error.empty()) {
        warn(fmt::format("the configuration {} was refused, the one before it is in force: {}",
                         text_of(daemon, "configuration"), error));
    }
}

/// What is to be known beside the state: what runs, what waits, or why it is where it is.
std::string note_of(const Json& task) {
    std::string note;
    const auto add = [&note](const std::string& part) {
        if (!note.empty()) note += "; ";
        note += part;
    };
    const Json& runs = list_of(task, "runs");
    if (!runs.empty()) {
        const Json& run = runs.front();
        std::string live = fmt::format("run {}", number_of(run, "run"));
        if (number_of(run, "attempt") > 1) {
            live += fmt::format(", attempt {}", number_of(run, "attempt"));
        }
        if (number_of(run, "pid") > 0) live += fmt::format(", pid {}", number_of(run, "pid"));
        if (runs.size() > 1) live += fmt::format(", and {} more", runs.size() - 1);
        add(live);
    }
    if (const auto waiting = number_of(task, "waiting"); waiting > 0) {
        add(fmt::format("{} waiting", waiting));
    }
    if (is_set(task, "overdue")) add("success overdue");
    if (const std::string reason = text_of(task, "reason"); !reason.empty()) add(reason);
    if (note.empty()) note = text_of(task, "description");
    return note;
}

/// What is asked for and not enforced here, each once.
void print_shortcomings(const Json& tasks, const Surroundings& around) {
    std::vector<std::pair<std::string, std::string>> told;  // what, and of which tasks
    for (const Json& task : tasks) {
        for (const Json& what : list_of(task, "shortcomings")) {
            if (!what.is_string()) continue;
            const auto& words = what.get_ref<const std::string&>();
            const auto known = std::find_if(told.begin(), told.end(), [&words](const auto& each) {
                return each.first == words;
            });
            if (known == told.end()) {
                told.emplace_back(words, text_of(task, "task"));
            } else if (!known->second.ends_with("...")) {
                known->second += ", ...";
            }
        }
    }
    for (const auto& [words, of] : told) {
        const std::string line = printable_line(fmt::format("limits.{} ({})", words, of));
        around.out << coloured(line, Colour::yellow, around.colour) << '\n';
    }
}

Cell next_of(const Json& task, const Surroundings& around) {
    const auto retry = time_of(task, "retry_at");
    const auto start = time_of(task, "next_start");
    const auto next = retry ? retry : start ? start : time_of(task, "next");
    return next ? shown_time(*next, around.now, zone_of(task, around)) : std::string("-");
}

Cell last_of(const Json& task, const Surroundings& around) {
    const Json& last = member(task, "last");
    const std::string outcome = text_of(last, "outcome");
    if (outcome.empty()) return Cell("-");
    const auto ended = time_of(last, "ended_at");
    return {outcome + (ended ? " " + shown_span(around.now - *ended) + " ago" : std::string()),
            colour_of(outcome)};
}

}  // namespace

int execute(const StatusCommand& command, ApiClient& api, const Surroundings& around) {
    Parameters parameters;
    for (const std::string& task : command.tasks) parameters.emplace_back("task", task);
    const Result<Json> answer = api.get("/api/v1/status", parameters);
    if (!answer) return refuse(around, "status", answer.error());
    if (command.client.json) {
        print_json(*answer, around);
        return 0;
    }
    print_head(member(*answer, "daemon"), around);
    print_shortcomings(list_of(*answer, "tasks"), around);
    Table table({{"TASK", false, true},
                 {"STATE"},
                 {"SINCE", true},
                 {"NEXT"},
                 {"LAST RUN"},
                 {"NOTE", false, true}});
    for (const Json& task : list_of(*answer, "tasks")) {
        const std::string state = text_of(task, "state");
        const auto since = time_of(task, "since");
        table.add({text_of(task, "task"),
                   {state, colour_of(state)},
                   since ? shown_span(around.now - *since) : std::string(),
                   next_of(task, around),
                   last_of(task, around),
                   note_of(task)});
    }
    if (table.empty()) return 0;
    around.out << '\n';
    table.print(around.out, around.width, around.colour);
    return 0;
}

}  // namespace bansuri::cli
