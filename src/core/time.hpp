// SPDX-License-Identifier: MIT
//
// The two times of Bansuri. Wall time is what people and cron read, and it may be set; monotonic
// time is what timers, limits and delays follow, and it only advances. They are types of their
// own, so that one can never be taken for the other.
#pragma once

#include <chrono>
#include <cstdint>

namespace bansuri {

/// All spans of time. Microseconds hold 292 000 years, so sums of configured values cannot wrap.
using Duration = std::chrono::microseconds;

/// UTC, as CLOCK_REALTIME counts it.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

/// The clock behind MonoTime: CLOCK_BOOTTIME, which goes on while the machine sleeps. It has no
/// now(): only an injected engine::Clock tells the time.
struct MonoClock {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<MonoClock>;
    static constexpr bool is_steady = true;
};
using MonoTime = MonoClock::time_point;

}  // namespace bansuri
