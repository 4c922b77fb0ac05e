// SPDX-License-Identifier: MIT
//
// What a configuration asks for and this machine does not enforce, said once and not once a task.
#pragma once

#include <memory>
#include <vector>

#include "core/task.hpp"
#include "engine/event_bus.hpp"
#include "engine/process_launcher.hpp"

namespace bansuri::engine {

std::vector<std::string> shortcomings_of(const Task& task, const ProcessLauncher& launcher);

/// In the order in which they are met.
std::vector<LimitNotEnforced> shortcomings_of(const std::vector<std::shared_ptr<const Task>>& tasks,
                                              const ProcessLauncher& launcher);

}  // namespace bansuri::engine
