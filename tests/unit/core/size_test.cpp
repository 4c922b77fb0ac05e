// SPDX-License-Identifier: MIT
#include "core/size.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

namespace bansuri {
namespace {

using ::testing::HasSubstr;

constexpr auto most = std::numeric_limits<std::uint64_t>::max();

TEST(Size, KMGTArePowersOf1000AndWithAnIOf1024) {
    struct Row {
        const char* text;
        std::uint64_t bytes;
    };
    const Row rows[] = {
        {"0", 0},
        {"4096", 4096},
        {"5B", 5},
        {"10M", 10'000'000},
        {"10m", 10'000'000},
        {"10MB", 10'000'000},
        {"10 MB", 10'000'000},
        {"1k", 1000},
        {"1G", 1'000'000'000},
        {"2T", 2'000'000'000'000},
        {"64KiB", 65'536},
        {"64Ki", 65'536},
        {"1MiB", 1'048'576},
        {"1GiB", 1'073'741'824},
        {"1Ti", 1'099'511'627'776},
        {"1.5G", 1'500'000'000},
        {"0.5Ki", 512},
        {"1.9999", 1},
        {" 10M ", 10'000'000},
        {"18446744073709551615", most},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const auto bytes = parse_size(row.text);
        ASSERT_TRUE(bytes) << bytes.error().message;
        EXPECT_EQ(*bytes, row.bytes);
    }
}

TEST(Size, TextThatIsNoneIsRefusedWithTheReason) {
    struct Row {
        std::string text;
        const char* reason;
    };
    const Row rows[] = {
        {"", "it is empty"},
        {" ", "it is empty"},
        {"-1", "it is negative"},
        {"M", "does not start with a number"},
        {"10X", "unknown unit \"X\""},
        {"10MBB", "unknown unit \"MBB\""},
        {"10Mx", "unknown unit \"Mx\""},
        {"10iB", "unknown unit \"iB\""},
        {"10 20", "unknown unit \"20\""},
        {"18446744073709551616", "too large"},
        {"99999999T", "too large"},
        {std::string(1'000'000, '9') + "T", "too large"},
        {"0." + std::string(1'000'000, '9') + "x", "unknown unit"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text.substr(0, 40));
        const auto bytes = parse_size(row.text);
        ASSERT_FALSE(bytes);
        EXPECT_EQ(bytes.error().code, ErrorCode::config_invalid);
        EXPECT_THAT(bytes.error().message, HasSubstr(row.reason));
    }
}

TEST(Size, IsWrittenWithThreeDigitsUpToTerabytes) {
    struct Row {
        std::uint64_t bytes;
        const char* text;
    };
    const Row rows[] = {
        {0, "0 B"},
        {999, "999 B"},
        {1000, "1 kB"},
        {1234, "1.23 kB"},
        {65'536, "65.5 kB"},
        {999'499, "999 kB"},
        {999'500, "1 MB"},
        {10'000'000, "10 MB"},
        {1'500'000, "1.5 MB"},
        {most, "18446744 TB"},
    };
    for (const Row& row : rows) EXPECT_EQ(format_size(row.bytes), row.text);
}

RC_GTEST_PROP(SizeProperty, WhatIsWrittenIsReadBackWithinAHundredth, ()) {
    const auto bytes = *rc::gen::oneOf(rc::gen::arbitrary<std::uint64_t>(),
                                       rc::gen::inRange<std::uint64_t>(0, 100'000'000));
    const auto read = parse_size(format_size(bytes));
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read >= bytes - bytes / 100);
    RC_ASSERT(*read - bytes / 100 <= bytes);
}

}  // namespace
}  // namespace bansuri
