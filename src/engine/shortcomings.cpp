// SPDX-License-Identifier: MIT
#include "engine/shortcomings.hpp"

#include <algorithm>

namespace bansuri::engine {

std::vector<std::string> shortcomings_of(const Task& task, const ProcessLauncher& launcher) {
    const Isolation& isolation = *task.command.isolation;
    if (isolation.limits == ResourceLimits{}) return {};
    return launcher.shortcomings(isolation);
}

std::vector<LimitNotEnforced> shortcomings_of(const std::vector<std::shared_ptr<const Task>>& tasks,
                                              const ProcessLauncher& launcher) {
    std::vector<LimitNotEnforced> all;  // there are few kinds of them
    for (const auto& task : tasks) {
        for (std::string& what : shortcomings_of(*task, launcher)) {
            const auto known = std::find_if(
                all.begin(), all.end(), [&what](const auto& each) { return each.what == what; });
            if (known != all.end()) {
                ++known->tasks;
            } else {
                all.push_back({std::move(what), task->name, 1});
            }
        }
    }
    return all;
}

}  // namespace bansuri::engine
