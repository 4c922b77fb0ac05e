// SPDX-License-Identifier: MIT
//
// Time that moves when a test says so. The wall can be stepped alone, so a DST change or an NTP
// leap is a test, not a fear.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "engine/alarm_queue.hpp"
#include "engine/clock.hpp"

namespace bansuri::testing {

class FakeClock final : public engine::Clock {
  public:
    FakeClock(boost::asio::io_context& loop, WallTime start) : loop_(loop), wall_(start) {}

    WallTime wall_now() const override { return wall_; }
    MonoTime mono_now() const override { return mono_; }
    std::unique_ptr<engine::Alarm> at(MonoTime when, std::function<void()> ring) override {
        return mono_alarms_.add(when, std::move(ring));
    }
    std::unique_ptr<engine::Alarm> at(WallTime when, std::function<void()> ring) override {
        return wall_alarms_.add(when, std::move(ring));
    }
    void on_wall_clock_set(std::function<void()> changed) override {
        changed_ = std::move(changed);
    }

    /// Lets `span` pass: everything due meanwhile happens at its own time, in order.
    void advance(Duration span);
    /// Advances to a wall time, which must not be behind us.
    void advance_to(WallTime when) { advance(when - wall_); }
    /// Somebody sets the clock: no time passes.
    void step_wall(Duration by);
    /// Somebody sets the clock, and nobody is told yet.
    void step_wall_unnoticed(Duration by) { wall_ += by; }
    /// Time passes while the loop is busy: what became due happens at the next settle().
    void be_late(Duration span) {
        mono_ += span;
        wall_ += span;
    }
    /// The machine sleeps: time passes, and nothing happens meanwhile.
    void sleep_machine(Duration span);
    /// Runs what is ready without letting time pass.
    void settle();

  private:
    boost::asio::io_context& loop_;
    WallTime wall_;
    MonoTime mono_{};
    engine::AlarmQueue<MonoTime> mono_alarms_;
    engine::AlarmQueue<WallTime> wall_alarms_;
    std::function<void()> changed_ = [] {};
};

}  // namespace bansuri::testing
