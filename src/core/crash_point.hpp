// SPDX-License-Identifier: MIT
//
// Named places at which a test may have the daemon killed. Nothing of them is
// left in a build without BANSURI_CRASH_POINTS.
#pragma once

namespace bansuri {

#ifdef BANSURI_CRASH_POINTS
/// What happens at every point that is passed, on whatever thread passes it; os::arm_crash_points()
/// sets it before there is a second thread.
inline void (*at_crash_point)(const char* name) = nullptr;

inline void crash_point(const char* name) {
    if (at_crash_point != nullptr) at_crash_point(name);
}
#else
inline void crash_point(const char*) {}
#endif

}  // namespace bansuri
