// SPDX-License-Identifier: MIT
//
// The whole life of the keeper: `bansuri run` calls this and returns what it returns.
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "keeper/keeper.hpp"

namespace bansuri::keeper {

/// The descriptor on which the daemon finds its end of the socket.
inline constexpr int daemon_socket = 3;

/// What the keeper passes on. The daemon is started with them blocked, and unblocks them once it
/// has handlers.
sigset_t forwarded_signals();

struct DaemonCommand {
    std::string path = "/proc/self/exe";
    std::vector<std::string> argv;
    std::vector<std::string> environment;  ///< complete
};

/// Starts the daemon in a session of its own, so that the terminal's signals reach only the keeper,
/// which passes them on, and serves it until it has ended and nothing of its attempts is left.
/// Returns the daemon's exit code; 1 if it was killed, or could not be started. Must be called
/// while the process has one thread, and changes that process for good (process_setup.hpp).
int run(const DaemonCommand& command, Options options = {});

}  // namespace bansuri::keeper
