// SPDX-License-Identifier: MIT
#include "os/system_clock.hpp"

#include <gmock/gmock.h>
#include <sys/timex.h>

#include <boost/asio/io_context.hpp>
#include <vector>

namespace bansuri::os {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

class SystemClockTest : public ::testing::Test {
  protected:
    void run_until(const std::function<bool()>& reached) {
        const auto limit = std::chrono::steady_clock::now() + 30s;
        while (!reached() && std::chrono::steady_clock::now() < limit) loop.run_one_for(100ms);
        ASSERT_TRUE(reached());
    }
    boost::asio::io_context loop;
    SystemClock clock{loop.get_executor()};
};

TEST_F(SystemClockTest, AlarmsRingInOrderAndNotBeforeTheirTime) {
    std::vector<int> rung;
    const MonoTime start = clock.mono_now();
    MonoTime rang_at{};
    const auto late = clock.at(start + 30ms, [&] {
        rung.push_back(2);
        rang_at = clock.mono_now();
    });
    const auto soon = clock.at(start + 10ms, [&] { rung.push_back(1); });
    run_until([&] { return rung.size() == 2; });
    EXPECT_THAT(rung, ElementsAre(1, 2));
    EXPECT_GE(rang_at, start + 30ms);
}

TEST_F(SystemClockTest, AnAlarmOfThePastRingsAtOnceButNeverFromWithin) {
    bool rang = false;
    const auto alarm = clock.at(clock.mono_now() - 1h, [&] { rang = true; });
    EXPECT_FALSE(rang);
    run_until([&] { return rang; });
}

TEST_F(SystemClockTest, WallAlarmsRingByTheWallClock) {
    bool rang = false;
    const WallTime when = clock.wall_now() + 20ms;
    const auto alarm = clock.at(when, [&] { rang = true; });
    run_until([&] { return rang; });
    EXPECT_GE(clock.wall_now(), when);
}

TEST_F(SystemClockTest, AnAlarmMayBeAddedFromARing) {
    int rings = 0;
    std::unique_ptr<engine::Alarm> next;
    std::function<void()> ring = [&] {
        if (++rings < 5) next = clock.at(clock.mono_now() + 1ms, ring);
    };
    next = clock.at(clock.mono_now(), ring);
    run_until([&] { return rings == 5; });
}

TEST_F(SystemClockTest, AStepOfTheWallClockIsTold) {
    // Moves the clock by a microsecond and back, where that is allowed.
    timex forward{};
    forward.modes = ADJ_SETOFFSET | ADJ_NANO;
    forward.time.tv_usec = 1000;
    timex back = forward;
    back.time.tv_sec = -1;
    back.time.tv_usec = 999'999'000;

    bool told = false;
    clock.on_wall_clock_set([&] { told = true; });
    loop.poll();
    if (::adjtimex(&forward) < 0) GTEST_SKIP() << "this machine does not let us set the clock";
    ::adjtimex(&back);
    run_until([&] { return told; });
}

}  // namespace
}  // namespace bansuri::os
