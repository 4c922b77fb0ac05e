// SPDX-License-Identifier: MIT
#include "engine/attempt_label.hpp"

#include <gtest/gtest.h>

#include "engine/process_launcher.hpp"

namespace bansuri::engine {
namespace {

TEST(AttemptLabel, ComesBackAsItWas) {
    for (const bool timed : {false, true}) {
        AttemptLabel label;
        label.task = "a name: with blanks, 1 2 3";
        label.due.instant = WallTime(Duration(-5));
        if (timed) label.due.tick = MonoTime(Duration(77));
        label.origin = RunOrigin::catch_up;
        label.at = WallTime(Duration(1'795'455'587'869'329));
        label.begun = MonoTime(Duration(0));
        const auto again = parse_label(encode(label));
        ASSERT_TRUE(again);
        EXPECT_EQ(again->task, label.task);
        EXPECT_EQ(again->due, label.due);
        EXPECT_EQ(again->origin, label.origin);
        EXPECT_EQ(again->at, label.at);
        EXPECT_EQ(again->begun, label.begun);
    }
}

TEST(AttemptLabel, FitsWithTheLongestNameAndTheFarthestTimes) {
    AttemptLabel label;
    label.task = std::string(128, 'n');
    label.due = {WallTime::min(), MonoTime::min()};
    label.at = WallTime::min();
    label.begun = MonoTime::min();
    EXPECT_LE(encode(label).size(), longest_label);
}

TEST(AttemptLabel, WhatIsNoneIsRefused) {
    const std::string good = encode({"t", {WallTime(), std::nullopt}, {}, WallTime(), MonoTime()});
    ASSERT_TRUE(parse_label(good));
    for (const std::string& text :
         {std::string(), std::string("2 ") + good.substr(2), good.substr(0, good.size() - 1),
          std::string("1 x 0 0 0 0 0 t"), std::string("1 0 0 0 9 0 0 t"),
          std::string("1 99999999999999999999 0 0 0 0 0 t")}) {
        EXPECT_FALSE(parse_label(text)) << text;
    }
}

}  // namespace
}  // namespace bansuri::engine
