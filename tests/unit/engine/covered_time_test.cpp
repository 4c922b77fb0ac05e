// SPDX-License-Identifier: MIT
#include "engine/covered_time.hpp"

#include <gtest/gtest.h>

namespace bansuri::engine {
namespace {

constexpr WallTime at(int seconds) { return WallTime(std::chrono::seconds(seconds)); }

TEST(CoveredTime, HoldsWhatTimeWentThrough) {
    CoveredTime covered(at(100));
    covered.advance(at(200));
    EXPECT_EQ(covered.end_of_span_at(at(150)), at(200));
    EXPECT_EQ(covered.end_of_span_at(at(99)), std::nullopt);
    EXPECT_EQ(covered.end_of_span_at(at(201)), std::nullopt);
}

TEST(CoveredTime, AForwardStepLeavesAHole) {
    CoveredTime covered(at(100));
    covered.advance(at(200));
    covered.jump(at(500));
    covered.advance(at(600));
    EXPECT_EQ(covered.end_of_span_at(at(300)), std::nullopt);
    EXPECT_EQ(covered.end_of_span_at(at(550)), at(600));
    EXPECT_EQ(covered.end_of_span_at(at(150)), at(200));
}

TEST(CoveredTime, GoingThroughAHoleJoinsWhatLiesOnBothSides) {
    CoveredTime covered(at(100));
    covered.advance(at(200));
    covered.jump(at(500));
    covered.advance(at(600));
    covered.jump(at(150));
    covered.advance(at(499));
    EXPECT_EQ(covered.end_of_span_at(at(120)), at(499));
    covered.advance(at(500));
    EXPECT_EQ(covered.end_of_span_at(at(120)), at(600));
}

TEST(CoveredTime, ABackwardStepKeepsWhatWasCovered) {
    CoveredTime covered(at(1000));
    covered.advance(at(2000));
    covered.jump(at(1500));
    covered.advance(at(1600));
    EXPECT_EQ(covered.end_of_span_at(at(1550)), at(2000));
}

TEST(CoveredTime, StaysBoundedHoweverOftenTheClockIsSet) {
    CoveredTime covered(at(0));
    for (int i = 1; i < 10'000; ++i) covered.jump(at(i * 10));
    EXPECT_EQ(covered.end_of_span_at(at(99'990)), at(99'990));
    EXPECT_EQ(covered.end_of_span_at(at(10)), std::nullopt);  // forgotten
}

}  // namespace
}  // namespace bansuri::engine
