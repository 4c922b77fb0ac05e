// SPDX-License-Identifier: MIT
//
// A whole scripts.json as a value: one generation of what Bansuri runs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/task.hpp"
#include "core/time_zone.hpp"

namespace bansuri {

struct Configuration {
    std::vector<std::shared_ptr<const Task>> tasks;  ///< in the order of the file
    std::string notify_command;                      ///< empty: none
    std::string directory;                           ///< absolute; where the file lies
    TimeZone zone;                                   ///< root `timezone`, else the system's
};

/// How a task of the new generation relates to the one of the same name in the old.
enum class TaskChange {
    none,
    in_place,  ///< schedule, policy or text: running processes are not touched
    restart,   ///< what runs: the task is stopped and starts anew
};

TaskChange compare(const Task& before, const Task& after);

}  // namespace bansuri
