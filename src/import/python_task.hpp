// SPDX-License-Identifier: MIT
//
// One entry of the Python program as a task.
#pragma once

#include "import/draft.hpp"
#include "import/python_entry.hpp"

namespace bansuri::imports {

/// The task of `entry`, without its name and without `depends-on`, which concern the others.
DraftTask python_task(const PythonEntry& entry);

}  // namespace bansuri::imports
