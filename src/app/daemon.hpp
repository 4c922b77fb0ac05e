// SPDX-License-Identifier: MIT
//
// The daemon: makes the real clock, keeper client, store, notifier and console, introduces them to
// the engine, goes on where an earlier daemon stopped, and follows signals, the configuration file
// and what is asked over the socket until it is told to end.
#pragma once

#include <string>
#include <variant>

#include "cli/arguments.hpp"

namespace bansuri::app {

/// What the daemon is there for.
struct DaemonOptions {
    std::string config;
    cli::LogOptions log;
    bool once = false;      ///< run what is due at start-up, then end
    std::string only_task;  ///< not empty: run this task once, then end
    std::string state;      ///< the state directory; empty: no history is kept
    std::string version;    ///< Bansuri's own
};

/// Runs until it is done. `keeper_fd` is the socket that the keeper left open for it. Returns the
/// exit code.
int run_daemon(const DaemonOptions& options, int keeper_fd);

}  // namespace bansuri::app
