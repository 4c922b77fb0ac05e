// SPDX-License-Identifier: MIT
//
// The pipes that captured streams go through, and what becomes of them when nobody asks any more.
#pragma once

#include <cstdint>
#include <vector>

#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {

/// A pipe for a captured stream; its read end does not block. False with errno: EMFILE also where
/// only the descriptors are left that looking into /proc needs.
///
/// The task's end is open for reading as well. So while keeper and daemon are both dead it is no
/// pipe without a reader, and the task does not die of SIGPIPE: it goes on, waits once the pipe is
/// full, and is read again by whoever adopts it. End of file still comes when its last end is
/// closed.
bool open_pipe(UniqueFd& read_end, UniqueFd& write_end);

/// What names a pipe as long as somebody has it open; 0: not a pipe.
std::uint64_t pipe_inode(int fd);

/// Opens the read end of the pipe with this inode anew, as a process has it open; none if that has
/// it not, or we may not look.
UniqueFd reopen_pipe(int pid, std::uint64_t inode);

/// Pipes that survivors of forgotten attempts still write to: without a reader they would die, or
/// block.
class Drain {
  public:
    explicit Drain(int epoll) : epoll_(epoll) {}
    /// Throws std::bad_alloc, and then has kept nothing.
    void keep(UniqueFd pipe);
    /// There is something in it, or its end.
    void read(int pipe);

  private:
    int epoll_;
    std::vector<UniqueFd> pipes_;
};

}  // namespace bansuri::keeper
