// SPDX-License-Identifier: MIT
#include "store/output_layout.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bansuri::store {
namespace {

RC_GTEST_PROP(OutputLayout, EveryByteHasOnePlaceAndWhatIsKeptFitsTheLimit, ()) {
    const auto limit = *rc::gen::oneOf(rc::gen::inRange<std::uint64_t>(1, 300'000),
                                       rc::gen::inRange<std::uint64_t>(1, 10'000'000'000));
    const OutputLayout layout(limit);
    const auto segment = *rc::gen::inRange<std::uint64_t>(0, 2000);
    RC_ASSERT(layout.segment_of(layout.begin_of(segment)) == segment);
    RC_ASSERT(layout.begin_of(segment + 1) == layout.begin_of(segment) + layout.size_of(segment));
    RC_ASSERT(layout.segment_of(layout.begin_of(segment + 1) - 1) == segment);
    RC_ASSERT(layout.size_of(segment) <= 0xFFFF'FFFFU);  // what an index can say
    // The segments that are left once this one is full.
    std::uint64_t bytes = 0;
    const auto displaced = layout.displaced_by(segment);
    for (std::uint64_t each = 0; each <= segment; ++each) {
        if (!displaced || each > *displaced || layout.is_head(each)) bytes += layout.size_of(each);
    }
    RC_ASSERT(bytes == layout.bytes_with(segment));
    RC_ASSERT(bytes <= std::max(limit, OutputLayout::smallest_on_disk));
    if (displaced) RC_ASSERT(bytes == std::max(limit, OutputLayout::smallest_on_disk));
}

TEST(OutputLayout, TheDefaultLimitIsEightSegments) {
    const OutputLayout layout(10'000'000);
    EXPECT_EQ(layout.size_of(0), 1'283'712u);
    EXPECT_EQ(layout.size_of(1), 1'245'184u);
    EXPECT_EQ(layout.begin_of(8), 10'000'000u);
    EXPECT_EQ(layout.displaced_by(7), std::nullopt);
    EXPECT_EQ(layout.displaced_by(8), 4u);
    EXPECT_TRUE(layout.is_head(3));
    EXPECT_FALSE(layout.is_head(4));
}

TEST(OutputFileName, ReadsBackWhatItWrites) {
    for (const bool is_index : {false, true}) {
        const OutputFileName name{{17'042, 3}, 10'000'000, 12, is_index};
        EXPECT_EQ(name.path(),
                  is_index ? "17/17042.3.10000000.12.index" : "17/17042.3.10000000.12");
        EXPECT_EQ(OutputFileName::parse(name.path().substr(3)), name);
    }
}

TEST(OutputFileName, OtherNamesAreNone) {
    for (const char* const name : {"",
                                   ".",
                                   "..",
                                   "1",
                                   "1.1",
                                   "1.1.1",
                                   "1.1.1.",
                                   "1.1.1.1.",
                                   "1.1.1.1.indexx",
                                   "1.1.0.1",
                                   "01.1.1.1",
                                   "-1.1.1.1",
                                   "+1.1.1.1",
                                   " 1.1.1.1",
                                   "1.1.1.1 ",
                                   "1.4294967296.1.1",
                                   "18446744073709551616.1.1.1",
                                   "1..1.1",
                                   "a.1.1.1",
                                   "1.1.1.1.index.index"}) {
        EXPECT_EQ(OutputFileName::parse(name), std::nullopt) << name;
    }
}

}  // namespace
}  // namespace bansuri::store
