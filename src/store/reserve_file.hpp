// SPDX-License-Identifier: MIT
//
// Room on the disk that is kept for the day it is full: SQLite cannot even delete without writing.
#pragma once

#include <string>

namespace bansuri::store {

class ReserveFile {
  public:
    /// "reserve" in that directory.
    explicit ReserveFile(const std::string& directory) : path_(directory + "/reserve") {}

    /// True if it is there when this returns. Does not take the last room of the disk. Blocks on
    /// the disk; throws nothing.
    bool make() noexcept;
    /// Gives its room back. False if there was none.
    bool release() noexcept;

  private:
    std::string path_;
};

}  // namespace bansuri::store
