// SPDX-License-Identifier: MIT
//
// The machine's time: CLOCK_REALTIME and CLOCK_BOOTTIME, one timerfd each.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>

#include "engine/alarm_queue.hpp"
#include "engine/clock.hpp"

namespace bansuri::os {

/// Lives on the loop that it is given. Throws std::system_error if the kernel has no timerfd left.
class SystemClock final : public engine::Clock {
  public:
    explicit SystemClock(boost::asio::any_io_executor loop);

    WallTime wall_now() const override { return read_wall(); }
    MonoTime mono_now() const override { return read_mono(); }
    [[nodiscard]] std::unique_ptr<engine::Alarm> at(MonoTime when,
                                                    std::function<void()> ring) override;
    [[nodiscard]] std::unique_ptr<engine::Alarm> at(WallTime when,
                                                    std::function<void()> ring) override;
    void on_wall_clock_set(std::function<void()> changed) override {
        wall_clock_set_ = std::move(changed);
    }

    /// Now, for code that has no loop: the command line.
    static WallTime read_wall();
    static MonoTime read_mono();

  private:
    void arm_mono();
    void arm_wall();
    void wait_mono();
    void wait_wall();

    boost::asio::posix::stream_descriptor mono_timer_;
    boost::asio::posix::stream_descriptor wall_timer_;
    engine::AlarmQueue<MonoTime> mono_;
    engine::AlarmQueue<WallTime> wall_;
    std::function<void()> wall_clock_set_ = [] {};
};

}  // namespace bansuri::os
