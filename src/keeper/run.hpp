// SPDX-License-Identifier: MIT
//
// The whole life of the keeper: `bansuri run` calls this and returns what it returns.
#pragma once

#include "keeper/daemon_process.hpp"
#include "keeper/keeper.hpp"

namespace bansuri::keeper {

/// Starts the daemon in a session of its own, so that the terminal's signals reach only the keeper,
/// which passes them on, and serves it and those that follow it (Options::restart) until one has
/// ended for good and nothing of its attempts is left. Returns that daemon's exit code; 1 if it was
/// killed, could not be started, or was given up. Must be called while the process has one thread,
/// and changes that process for good (process_setup.hpp).
int run(DaemonCommand command, Options options = {});

}  // namespace bansuri::keeper
