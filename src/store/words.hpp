// SPDX-License-Identifier: MIT
//
// How the engine's values stand in a column: the words of the API. What is read back may be
// damaged, so every word that is not known has an answer too.
#pragma once

#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "engine/run_store.hpp"
#include "store/database.hpp"

namespace bansuri::store {

/// An unknown word reads as LOST: how that ended nobody knows.
inline Outcome outcome_of(std::string_view word) {
    for (const Outcome outcome : {Outcome::success, Outcome::failed, Outcome::timeout,
                                  Outcome::stopped, Outcome::skipped}) {
        if (word == to_string(outcome)) return outcome;
    }
    return Outcome::lost;
}

inline std::optional<TaskState> state_of(std::string_view word) {
    for (const TaskState state :
         {TaskState::pending, TaskState::running, TaskState::success, TaskState::failed,
          TaskState::timeout, TaskState::restarting, TaskState::stopped}) {
        if (word == to_string(state)) return state;
    }
    return std::nullopt;
}

inline std::optional<std::string> word_of(const std::optional<TaskState>& state) {
    if (!state) return std::nullopt;
    return std::string(to_string(*state));
}

constexpr std::string_view word_of(engine::RunOrigin origin) {
    switch (origin) {
        case engine::RunOrigin::schedule: return "schedule";
        case engine::RunOrigin::catch_up: return "catch-up";
        case engine::RunOrigin::manual: return "manual";
    }
    return "?";
}

inline engine::RunOrigin origin_of(std::string_view word) {
    for (const auto origin : {engine::RunOrigin::catch_up, engine::RunOrigin::manual}) {
        if (word == word_of(origin)) return origin;
    }
    return engine::RunOrigin::schedule;
}

/// The columns status_kind, status_number and core_dumped.
struct StatusColumns {
    explicit StatusColumns(const std::optional<ExitStatus>& status) {
        if (!status) return;
        kind = status->kind == ExitStatus::Kind::exited ? "exited" : "signalled";
        number = status->number;
        core_dumped = status->core_dumped;
    }
    std::optional<const char*> kind;
    std::optional<int> number;
    std::optional<bool> core_dumped;
};

/// Of the columns outcome, status_kind, status_number, core_dumped, reason and elapsed, which begin
/// at `column`; nothing if there is no outcome.
inline std::optional<engine::AttemptResult> result_of(const Rows& rows, int column) {
    if (rows.null(column)) return std::nullopt;
    engine::AttemptResult result;
    result.outcome = outcome_of(rows.text(column));
    const std::string kind = rows.text(column + 1);
    const int number = static_cast<int>(rows.count(column + 2, 255));
    if (kind == "exited") result.status = ExitStatus::exited(number);
    if (kind == "signalled") {
        result.status = ExitStatus::signalled(number, rows.boolean(column + 3));
    }
    result.reason = rows.text(column + 4);
    result.elapsed = rows.span(column + 5);
    return result;
}

/// "17,4711"
inline std::string word_of(const std::vector<pid_t>& pids) {
    std::string text;
    for (const pid_t pid : pids) {
        if (!text.empty()) text += ',';
        text += std::to_string(pid);
    }
    return text;
}

inline std::vector<pid_t> pids_of(std::string_view text) {
    std::vector<pid_t> pids;
    while (!text.empty()) {
        pid_t pid = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
        if (error != std::errc() || pid <= 0) break;
        pids.push_back(pid);
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        if (!text.empty()) text.remove_prefix(1);
    }
    return pids;
}

inline constexpr std::uint64_t most_pid = 1 << 22;  // as proc(5) bounds pid_max

}  // namespace bansuri::store
