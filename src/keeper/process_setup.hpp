// SPDX-License-Identifier: MIT
//
// How the keeper prepares its own process before it starts anything, so that whatever it was
// started with (ignored signals, leaked descriptors, a closed stdin) does not reach a task.
#pragma once

#include "keeper/launcher.hpp"

namespace bansuri::keeper {

/// To be called once, by the only thread. Blocks all signals, resets their dispositions, makes the
/// process the one that orphans below it are given to, fills descriptors 0 to 2, marks the others
/// close-on-exec, and takes what protection it can get: all descriptors, and the OOM killer's
/// mercy. The result is what a child is to be given back. Throws std::system_error.
Launcher::Inherited prepare_process();

/// Opens /dev/null as whichever of the descriptors 0 to 2 is closed, lest what is opened next is
/// taken for a standard stream. Throws std::system_error.
void fill_standard_descriptors();

}  // namespace bansuri::keeper
