// SPDX-License-Identifier: MIT
//
// Has this process killed at a named point (core/crash_point.hpp), as a test asks by environment.
#pragma once

namespace bansuri::os {

/// BANSURI_FAIL="after-intent:3": SIGKILL at the third passage of that point, and only in the first
/// daemon of a keeper (BANSURI_DAEMON=1), so that the next one goes on. To be called while there is
/// one thread. Does nothing in a build without BANSURI_CRASH_POINTS.
void arm_crash_points();

}  // namespace bansuri::os
