// SPDX-License-Identifier: MIT
//
// The rules that look at several keys of a task together, and the step from a draft to a Task.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/config/task_draft.hpp"
#include "core/config/value_reader.hpp"
#include "core/task.hpp"
#include "core/time_zone.hpp"

namespace bansuri::config {

/// What a task is read against.
struct Surroundings {
    std::string directory;  ///< absolute; where the configuration file lies
    TimeZone zone;          ///< the root's
};

/// Rules that hold for the keys which the draft owns, in a task and in `defaults` alike.
void check_own_keys(const TaskDraft& draft, ReadContext& context);

/// The task, if it has all it needs. `place` is where its object stands. Warns only if
/// `errors_before`, the sink's count before the task was read, is still true.
Task finish_task(TaskDraft&& draft, Span place, std::size_t errors_before,
                 const Surroundings& surroundings, ReadContext& context);

/// `path` as seen from `directory`, which is absolute; without "." parts and double slashes.
std::string resolve(std::string_view path, std::string_view directory);

}  // namespace bansuri::config
