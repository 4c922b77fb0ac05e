// SPDX-License-Identifier: MIT
#include "support/fake_clock.hpp"

#include <algorithm>

namespace bansuri::testing {

void FakeClock::settle() {
    while (true) {
        loop_.restart();
        loop_.poll();
        if (mono_alarms_.earliest() && *mono_alarms_.earliest() <= mono_) {
            mono_alarms_.ring_first();
        } else if (wall_alarms_.earliest() && *wall_alarms_.earliest() <= wall_) {
            wall_alarms_.ring_first();
        } else {
            return;
        }
    }
}

void FakeClock::advance(Duration span) {
    const MonoTime end = mono_ + span;
    while (true) {
        settle();
        Duration step = end - mono_;
        if (const auto next = mono_alarms_.earliest()) step = std::min(step, *next - mono_);
        if (const auto next = wall_alarms_.earliest()) step = std::min(step, *next - wall_);
        if (step == Duration::zero()) return;
        mono_ += step;
        wall_ += step;
    }
}

void FakeClock::step_wall(Duration by) {
    settle();
    wall_ += by;
    changed_();
    settle();
}

void FakeClock::sleep_machine(Duration span) {
    settle();
    mono_ += span;
    wall_ += span;
    settle();
}

}  // namespace bansuri::testing
