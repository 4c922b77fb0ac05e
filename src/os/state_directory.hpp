// SPDX-License-Identifier: MIT
//
// The directory in which one Bansuri keeps its state: made if need be, nobody else's business, and
// locked against a second one.
#pragma once

#include <string>

#include "core/result.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::os {

class StateDirectory {
  public:
    /// Makes the directory (mode 0700, with the directories above it) and locks it for as long as
    /// the answer, or a descriptor that was inherited from it, is open. Errors (io) name the path:
    /// somebody holds it, and who; it belongs to another user; others may write to it; it is a
    /// symbolic link or no directory; it cannot be made or written to.
    static Result<StateDirectory> open(const std::string& path);

    /// The open lock file, close-on-exec.
    int lock() const { return lock_.get(); }

  private:
    explicit StateDirectory(keeper::UniqueFd lock) : lock_(std::move(lock)) {}
    keeper::UniqueFd lock_;
};

/// Opens the directory itself, for names relative to it; the holder of the lock is somebody above
/// us. Throws std::system_error.
keeper::UniqueFd open_state_directory(const std::string& path);

}  // namespace bansuri::os
