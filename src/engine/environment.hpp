// SPDX-License-Identifier: MIT
//
// The environment of one attempt, declared in full: nothing reaches a task by accident.
#pragma once

#include <string>
#include <vector>

#include "core/task.hpp"
#include "engine/process_launcher.hpp"

namespace bansuri::engine {

/// "NAME=value" strings, in the form of environ(7).
using Environment = std::vector<std::string>;

/// What Bansuri was started with, less what is Bansuri's own business: its BANSURI_ variables and
/// systemd's notify socket, watchdog and passed descriptors.
Environment inheritable(const char* const* environ);

/// `inherited` (or, with clean-environment, only PATH, HOME, USER, LOGNAME, SHELL, LANG and TZ of
/// it), then HOME, USER, LOGNAME and SHELL of the account, then what the environment files say,
/// then the task's own variables, then BANSURI_TASK, BANSURI_RUN_ID, BANSURI_ATTEMPT and
/// BANSURI_SCHEDULED_AT (RFC 3339, UTC). Later ones replace earlier ones.
Environment environment_of(const Task& task, const Environment& inherited, const StartFacts& facts,
                           AttemptId id, WallTime scheduled_at);

/// Puts NAME=value into `environment`, in place of an older value.
void set_variable(Environment& environment, std::string_view name, std::string_view value);

}  // namespace bansuri::engine
