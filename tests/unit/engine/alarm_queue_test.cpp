// SPDX-License-Identifier: MIT
#include "engine/alarm_queue.hpp"

#include <gmock/gmock.h>

#include <vector>

namespace bansuri::engine {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

constexpr MonoTime at(int seconds) { return MonoTime(std::chrono::seconds(seconds)); }

TEST(AlarmQueue, RingsInTheOrderOfTheTimes) {
    AlarmQueue<MonoTime> queue;
    std::vector<int> rung;
    const auto b = queue.add(at(2), [&] { rung.push_back(2); });
    const auto a = queue.add(at(1), [&] { rung.push_back(1); });
    const auto c = queue.add(at(3), [&] { rung.push_back(3); });
    queue.ring_until(at(2));
    EXPECT_THAT(rung, ElementsAre(1, 2));
    EXPECT_EQ(queue.earliest(), at(3));
}

TEST(AlarmQueue, ADestroyedAlarmIsSilent) {
    AlarmQueue<MonoTime> queue;
    queue.add(at(1), [] { FAIL(); }).reset();
    queue.ring_until(at(5));
    EXPECT_EQ(queue.earliest(), std::nullopt);
}

TEST(AlarmQueue, AnAlarmMayBeDestroyedByItsOwnRing_AndByAnothers) {
    AlarmQueue<MonoTime> queue;
    std::unique_ptr<Alarm> own;
    std::unique_ptr<Alarm> other = queue.add(at(2), [] { FAIL(); });
    int rings = 0;
    own = queue.add(at(1), [&] {
        ++rings;
        own.reset();
        other.reset();
    });
    queue.ring_until(at(5));
    EXPECT_EQ(rings, 1);
}

TEST(AlarmQueue, ARingMayAddAnAlarmThatIsDueAlready) {
    AlarmQueue<MonoTime> queue;
    std::unique_ptr<Alarm> second;
    bool rang = false;
    const auto first = queue.add(at(1), [&] { second = queue.add(at(1), [&] { rang = true; }); });
    queue.ring_until(at(1));
    EXPECT_TRUE(rang);
}

TEST(AlarmQueue, AsksToBeRearmedOnlyWhenTheEarliestTimeChanges) {
    int rearmed = 0;
    AlarmQueue<MonoTime> queue([&] { ++rearmed; });
    const auto a = queue.add(at(5), [] {});
    const auto b = queue.add(at(6), [] {});
    const auto c = queue.add(at(4), [] {});
    EXPECT_EQ(rearmed, 2);
}

}  // namespace
}  // namespace bansuri::engine
