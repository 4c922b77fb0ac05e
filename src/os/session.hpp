// SPDX-License-Identifier: MIT
//
// Which life of the machine and of the keeper this is: what of the saved state still means
// something depends on it.
#pragma once

#include <string>

namespace bansuri::os {

/// The kernel's random name of this boot; empty if /proc does not tell.
std::string boot_id();
/// The parent process, the keeper, by number and start time: no other process has both in one boot.
/// Empty if /proc does not tell.
std::string keeper_session();

}  // namespace bansuri::os
