// SPDX-License-Identifier: MIT
//
// When a task is due: once, at an interval, or by cron. A schedule is a value; the engine's
// timeline asks it and owns the clock.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "core/cron.hpp"
#include "core/time.hpp"

namespace bansuri {

/// Due at start-up and never again.
struct Once {
    bool operator==(const Once&) const = default;
};

/// Due at `start + k * interval` of monotonic time, k = 0, 1, 2 ...: lateness never adds up.
struct Timer {
    Duration interval;

    /// The first due time strictly after `now`, on the grid that `start` begins.
    MonoTime next_after(MonoTime now, MonoTime start) const {
        if (now < start) return start;
        return start + ((now - start) / interval + 1) * interval;
    }
    bool operator==(const Timer&) const = default;
};

using Schedule = std::variant<Once, Timer, CronSchedule>;

}  // namespace bansuri
