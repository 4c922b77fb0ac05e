// SPDX-License-Identifier: MIT
//
// What somebody most likely meant who named a task that there is not.
#pragma once

#include <string>
#include <vector>

#include "engine/status.hpp"

namespace bansuri::http {

/// `there is no task "bakcup"; did you mean "backup"?`
std::string unknown_task(const std::string& name, const std::vector<engine::TaskStatus>& tasks);

}  // namespace bansuri::http
