// SPDX-License-Identifier: MIT
//
// How much later than its instant a task starts (`jitter`). A pure function, so that every daemon
// works out the same, whichever saw the instant come (docs/scheduling.md).
#pragma once

#include <string_view>

#include "core/task.hpp"
#include "core/time.hpp"

namespace bansuri {

/// A part of `most`, less than all of it: spread evenly over instants and tasks, always the same
/// for the same two.
Duration part_of_jitter(std::string_view task, WallTime instant, Duration most);

/// Of an instant of the task's schedule. It ends before the next instant, so that the instants of a
/// task start in their order; a once-task is never delayed.
Duration start_delay(const Task& task, WallTime instant);

}  // namespace bansuri
