// SPDX-License-Identifier: MIT
//
// Starting the daemon: what it is given, and what it finds.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <string>
#include <vector>

#include "keeper/launcher.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {

/// The descriptor on which the daemon finds its end of the socket.
inline constexpr int daemon_socket = 3;
/// The variable that tells the daemon which one it is, counted from 1.
inline constexpr const char* daemon_number = "BANSURI_DAEMON";

/// What the keeper passes on. The daemon is started with them blocked, and unblocks them once it
/// has handlers.
sigset_t forwarded_signals();

struct DaemonCommand {
    /// The program as it runs, also when its file has been replaced or removed.
    std::string path = "/proc/self/exe";
    /// Where the next version of it is found (`replace`). Empty: the file that `path` led to when
    /// the keeper began.
    std::string installed_path = {};
    std::vector<std::string> argv;
    std::vector<std::string> environment;  ///< complete but for daemon_number
    /// The daemon has these open under the same numbers; tasks never do. None may be daemon_socket.
    std::vector<int> descriptors = {};
};

/// A daemon that has been forked off and executes its program, or will have failed to soon.
struct DaemonProcess {
    pid_t pid = -1;
    UniqueFd socket;   ///< our end
    UniqueFd failure;  ///< an errno if the program could not be executed; end of file once it was

    /// Once it has ended: why its program was never executed; 0: it was.
    int exec_error() const;
};

/// Forks, and does not wait for the program to be executed, which a slow file system may delay.
/// Throws std::system_error, std::bad_alloc.
DaemonProcess start_daemon(const DaemonCommand& command, const std::string& program,
                           unsigned number, const Launcher::Inherited& inherited);

}  // namespace bansuri::keeper
