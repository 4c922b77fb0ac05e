// SPDX-License-Identifier: MIT
//
// Time as the engine sees it: a parameter. os::SystemClock asks the kernel; the tests' FakeClock is
// moved by hand, so that a DST change or an NTP leap is a test, not a fear.
#pragma once

#include <functional>
#include <memory>

#include "core/time.hpp"

namespace bansuri::engine {

/// Something that rings once, later. Destroying it silences it.
class Alarm {
  public:
    virtual ~Alarm() = default;
};

/// All calls from the engine's loop only.
class Clock {
  public:
    virtual ~Clock() = default;

    virtual WallTime wall_now() const = 0;
    virtual MonoTime mono_now() const = 0;

    /// Calls `ring` on the loop at `when` or right after it; at once (but never from within this
    /// call) if `when` has passed. Alarms ring in the order of their times.
    [[nodiscard]] virtual std::unique_ptr<Alarm> at(MonoTime when, std::function<void()> ring) = 0;
    /// The same by the wall clock: rings when that clock reads `when` or later, however it came
    /// to do so.
    [[nodiscard]] virtual std::unique_ptr<Alarm> at(WallTime when, std::function<void()> ring) = 0;

    /// Calls `changed` each time that somebody sets the wall clock, before any wall alarm that
    /// the step made due. One listener at a time.
    virtual void on_wall_clock_set(std::function<void()> changed) = 0;
};

}  // namespace bansuri::engine
