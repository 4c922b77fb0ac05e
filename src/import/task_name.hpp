// SPDX-License-Identifier: MIT
//
// Names for tasks that come from files where nothing has a name.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>

namespace bansuri::imports {

/// What a person would call the job that the shell command `line` does: the program that does the
/// work, behind tests, `cd`, variables and programs that only start others; of a script the name of
/// the script. "job" if nothing suits.
std::string name_of_command(std::string_view line);

/// `wanted` with each character that a task's name must not hold (SPEC, section 2) replaced by "-",
/// and cut; empty if nothing is left.
std::string valid_name(std::string_view wanted);

/// Gives each name once.
class TaskNames {
  public:
    /// The valid form of `wanted`; if that is taken, with -2, -3 and so on behind it.
    std::string give(std::string_view wanted);

  private:
    std::unordered_map<std::string, unsigned> given_;  // with the last number that was tried
};

}  // namespace bansuri::imports
