// SPDX-License-Identifier: MIT
#include "os/system_clock.hpp"

#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace bansuri::os {
namespace {

// A realtime timer must be armed for the kernel to tell when the clock is set: without an alarm it
// waits for a day that does not come.
constexpr std::time_t far_away = 7'258'118'400;  // 2200-01-01

int make_timer(clockid_t clock) {
    const int fd = ::timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) throw std::system_error(errno, std::generic_category(), "timerfd_create");
    return fd;
}

Duration read_clock(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::chrono::duration_cast<Duration>(std::chrono::seconds(now.tv_sec) +
                                                std::chrono::nanoseconds(now.tv_nsec));
}

itimerspec absolute(Duration since_epoch) {
    // Zero would disarm the timer, and what is past is due at once.
    since_epoch = std::max(since_epoch, Duration(1));
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
    itimerspec when{};
    when.it_value.tv_sec = seconds.count();
    when.it_value.tv_nsec =
        std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch - seconds).count();
    return when;
}

}  // namespace

SystemClock::SystemClock(boost::asio::any_io_executor loop)
    : mono_timer_(loop, make_timer(CLOCK_BOOTTIME)),
      wall_timer_(loop, make_timer(CLOCK_REALTIME)),
      mono_([this] { arm_mono(); }),
      wall_([this] { arm_wall(); }) {
    arm_wall();
    wait_mono();
    wait_wall();
}

WallTime SystemClock::read_wall() { return WallTime(read_clock(CLOCK_REALTIME)); }
MonoTime SystemClock::read_mono() { return MonoTime(read_clock(CLOCK_BOOTTIME)); }

std::unique_ptr<engine::Alarm> SystemClock::at(MonoTime when, std::function<void()> ring) {
    return mono_.add(when, std::move(ring));
}

std::unique_ptr<engine::Alarm> SystemClock::at(WallTime when, std::function<void()> ring) {
    return wall_.add(when, std::move(ring));
}

void SystemClock::arm_mono() {
    const auto first = mono_.earliest();
    if (!first) return;
    const itimerspec when = absolute(first->time_since_epoch());
    ::timerfd_settime(mono_timer_.native_handle(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void SystemClock::arm_wall() {
    itimerspec when{};
    when.it_value.tv_sec = far_away;
    if (const auto first = wall_.earliest();
        first && *first < WallTime(std::chrono::seconds(far_away))) {
        when = absolute(first->time_since_epoch());
    }
    const int armed = ::timerfd_settime(
        wall_timer_.native_handle(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr);
    if (armed < 0 && errno == ECANCELED) {
        // The clock was set since we last looked. The timer is armed all the same, but this call
        // has taken the news that a read would have brought.
        boost::asio::post(wall_timer_.get_executor(), [this] { wall_clock_set_(); });
    }
}

void SystemClock::wait_mono() {
    mono_timer_.async_wait(
        boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code stop) {
            if (stop) return;
            std::uint64_t expirations = 0;
            if (::read(mono_timer_.native_handle(), &expirations, sizeof expirations) > 0) {
                mono_.ring_until(read_mono());
            }
            arm_mono();
            wait_mono();
        });
}

void SystemClock::wait_wall() {
    wall_timer_.async_wait(
        boost::asio::posix::stream_descriptor::wait_read, [this](boost::system::error_code stop) {
            if (stop) return;
            std::uint64_t expirations = 0;
            const auto got = ::read(wall_timer_.native_handle(), &expirations, sizeof expirations);
            if (got < 0 && errno == ECANCELED) wall_clock_set_();
            wall_.ring_until(read_wall());
            arm_wall();
            wait_wall();
        });
}

}  // namespace bansuri::os
