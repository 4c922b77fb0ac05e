// SPDX-License-Identifier: MIT
//
// The keeper's clock.
#pragma once

#include <ctime>

#include "keeper/attempt.hpp"

namespace bansuri::keeper {

inline BootTime boot_now() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

/// `now + span`, without overflow for a span that a message may hold.
inline BootTime boot_after(BootTime now, std::chrono::nanoseconds span) {
    if (span <= std::chrono::nanoseconds::zero()) return now;
    return span >= never - now ? never - std::chrono::nanoseconds(1) : now + span;
}

}  // namespace bansuri::keeper
