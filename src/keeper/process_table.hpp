// SPDX-License-Identifier: MIT
//
// One look at /proc: the processes that descend from the keeper, and the way to signal one of them
// without ever hitting a stranger.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "keeper/protocol.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {

/// A process as /proc/PID/stat shows it. Pid and start time together are its identity.
struct ProcessInfo {
    pid_t pid = 0;
    pid_t parent = 0;
    pid_t group = 0;
    pid_t session = 0;
    std::uint64_t start_time = 0;
    bool dead = false;     ///< a zombie
    bool stopped = false;  ///< by SIGSTOP or a debugger

    static std::optional<ProcessInfo> read(pid_t pid);
    /// The parser behind read(); the program's name may hold any byte, ")" and newlines included.
    static std::optional<ProcessInfo> parse(std::string_view stat);
};

/// Sends a signal to exactly this process: pinned by a pidfd, then compared once more. False if it
/// is gone, or could not be signalled.
bool signal_process(const ProcessInfo& process, int signal_number);

struct Environment {
    std::optional<AttemptId> attempt;
    bool empty = true;  ///< also while execve(2) replaces the program, and if it cannot be read
};

/// The attempt that its environment names, if it can be read: by attempt_mark ("RUN.ATTEMPT"), else
/// by BANSURI_RUN_ID and BANSURI_ATTEMPT.
Environment read_environment(pid_t pid);
inline std::optional<AttemptId> attempt_in_environment(pid_t pid) {
    return read_environment(pid).attempt;
}

/// The direct children of the calling thread, as the kernel lists them.
class ChildList {
  public:
    /// To be made and used by the thread whose children are meant.
    ChildList();
    /// False where the kernel has no such list (CONFIG_PROC_CHILDREN). Throws std::bad_alloc only.
    bool read(std::vector<pid_t>& children) const;

  private:
    UniqueFd file_;
};

class ProcessTable {
  public:
    /// Reads /proc. Throws std::bad_alloc only; where /proc cannot be read, the table is empty and
    /// not complete.
    static ProcessTable read();

    /// False if a parent is missing: it ended while the table was read, or is hidden from us.
    bool complete() const { return complete_; }
    /// In order of pid.
    std::span<const ProcessInfo> processes() const { return processes_; }
    /// The index of a process, or npos.
    std::size_t find(pid_t pid) const;
    static constexpr std::size_t npos = static_cast<std::size_t>(-1);

  private:
    std::vector<ProcessInfo> processes_;
    bool complete_ = false;
};

}  // namespace bansuri::keeper
