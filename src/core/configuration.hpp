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

/// How long the history is kept, of each task.
struct Retention {
    unsigned days = 30;
    unsigned runs = 1000;
    bool operator==(const Retention&) const = default;
};

/// What a commit of the history survives: `normal` the death of Bansuri, `full` a loss of power
/// too.
enum class Durability { normal, full };

struct Configuration {
    std::vector<std::shared_ptr<const Task>> tasks;  ///< in the order of the file
    std::string notify_command;                      ///< empty: none
    std::string directory;                           ///< absolute; where the file lies
    Retention retention;
    Durability durability = Durability::normal;
    bool alerts = false;  ///< what is not a task's is told by notify_command too
    TimeZone zone;        ///< root `timezone`, else the system's
};

/// How a task of the new generation relates to the one of the same name in the old.
enum class TaskChange {
    none,
    in_place,  ///< schedule, policy or text: running processes are not touched
    restart,   ///< what runs: the task is stopped and starts anew
};

TaskChange compare(const Task& before, const Task& after);

}  // namespace bansuri
