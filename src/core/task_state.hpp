// SPDX-License-Identifier: MIT
//
// Where a task stands, and how an attempt or a run ended: the words of the API, the command line
// and the log, spelled the same everywhere.
#pragma once

#include <string_view>

namespace bansuri {

enum class TaskState { pending, running, success, failed, timeout, restarting, stopped };

enum class Outcome { success, failed, timeout, stopped, skipped, lost };

constexpr std::string_view to_string(TaskState state) {
    switch (state) {
        case TaskState::pending: return "PENDING";
        case TaskState::running: return "RUNNING";
        case TaskState::success: return "SUCCESS";
        case TaskState::failed: return "FAILED";
        case TaskState::timeout: return "TIMEOUT";
        case TaskState::restarting: return "RESTARTING";
        case TaskState::stopped: return "STOPPED";
    }
    return "?";
}

constexpr std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::success: return "SUCCESS";
        case Outcome::failed: return "FAILED";
        case Outcome::timeout: return "TIMEOUT";
        case Outcome::stopped: return "STOPPED";
        case Outcome::skipped: return "SKIPPED";
        case Outcome::lost: return "LOST";
    }
    return "?";
}

}  // namespace bansuri
