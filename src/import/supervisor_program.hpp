// SPDX-License-Identifier: MIT
//
// One [program:x] of supervisord, and the tasks that it becomes: one for each of its processes.
#pragma once

#include <string>
#include <vector>

#include "import/draft.hpp"
#include "import/ini.hpp"
#include "import/program_options.hpp"
#include "import/task_name.hpp"

namespace bansuri::imports {

/// Adds the tasks of `section` to `draft`, or a remark that says why there are none. `groups` are
/// the groups that name the program.
void add_program(const IniSection& section, const std::vector<std::string>& groups,
                 const SupervisorGlobals& globals, TaskNames& names, Draft& draft);

}  // namespace bansuri::imports
