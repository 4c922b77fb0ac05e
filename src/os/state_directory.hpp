// SPDX-License-Identifier: MIT
//
// The directory in which one Bansuri keeps its state: made if need be, nobody else's business, and
// locked against a second one.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::os {

class StateDirectory {
  public:
    /// Makes the directory (mode 0700, with the directories above it) and locks it for as long as
    /// the answer, or its descriptors where they were inherited, are open. One whose holder has
    /// just died is waited for, a few seconds at most. Errors (io) name the path: somebody holds
    /// it, and who; it belongs to another user; others may write to it; it is a symbolic link or no
    /// directory; it cannot be made or written to.
    static Result<StateDirectory> open(const std::string& path);

    /// Whether the directory that is at `path` now is the one whose lock this process has inherited
    /// from its parent. If the lock file was removed, that is written anew: it says who holds it.
    static bool is_held_above(const std::string& path);

    /// What holds the lock: the open directory and lock file, close-on-exec and never below 10.
    std::vector<int> descriptors() const { return {directory_.get(), lock_.get()}; }

  private:
    StateDirectory(keeper::UniqueFd directory, keeper::UniqueFd lock)
        : directory_(std::move(directory)), lock_(std::move(lock)) {}
    keeper::UniqueFd directory_;
    keeper::UniqueFd lock_;
};

/// Opens the directory itself, for names relative to it; the holder of the lock is somebody above
/// us. Throws std::system_error.
keeper::UniqueFd open_state_directory(const std::string& path);

}  // namespace bansuri::os
