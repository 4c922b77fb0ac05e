// SPDX-License-Identifier: MIT
//
// The daemon: makes the real clock, keeper client, store, notifier and console, introduces them to
// the engine, and follows signals and the configuration file until it is told to end.
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
};

/// Runs until it is done. `keeper_fd` is the socket that the keeper left open for it. Returns the
/// exit code.
int run_daemon(const DaemonOptions& options, int keeper_fd);

}  // namespace bansuri::app
