// SPDX-License-Identifier: MIT
#include "core/printable.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bansuri {
namespace {

TEST(PrintableLines, TextStaysAndWhatActsOnATerminalIsShown) {
    struct Row {
        const char* why;
        std::string_view bytes;
        std::string_view shown;
    };
    const Row rows[] = {
        {"text, tabs and newlines", "a\tb\n", "a\tb\n"},
        {"UTF-8", "gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80",
         "gr\xc3\xbc\xc3\x9f\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"an escape sequence", "\x1b[2J", "\\x1b[2J"},
        {"carriage return and backspace", "x\r\b", "x\\x0d\\x08"},
        {"NUL", std::string_view("\0", 1), "\\x00"},
        {"DEL", "\x7f", "\\x7f"},
        {"a C1 control in UTF-8 (CSI)", "\xc2\x9b", "\\xc2\\x9b"},
        {"a lone continuation byte", "\x80", "\\x80"},
        {"an overlong slash", "\xc0\xaf", "\\xc0\\xaf"},
        {"an overlong three-byte form", "\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
        {"a surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"beyond Unicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
        {"cut short", "a\xe2\x82", "a\\xe2\\x82"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        EXPECT_EQ(printable_lines(row.bytes), row.shown);
    }
}

RC_GTEST_PROP(PrintableLines, NoControlCharacterIsLeft, (std::string bytes)) {
    for (const char c : printable_lines(bytes)) {
        const auto byte = static_cast<unsigned char>(c);
        RC_ASSERT(byte >= 0x20 || byte == '\n' || byte == '\t');
        RC_ASSERT(byte != 0x7f);
    }
}

RC_GTEST_PROP(PrintableLines, ShowingTwiceChangesNothing, (std::string bytes)) {
    const std::string once = printable_lines(bytes);
    RC_ASSERT(printable_lines(once) == once);
}

TEST(PrintableJson, WhatATerminalObeysIsEscapedAndMeansTheSame) {
    EXPECT_EQ(printable_json("[\"gr\xc3\xbc\xc2\xa0\xc2\x9b\x7f\"]"),
              "[\"gr\xc3\xbc\xc2\xa0\\u009b\\u007f\"]");
    EXPECT_EQ(printable_json("{\n}\xff"), "{\n}\xff");
}

}  // namespace
}  // namespace bansuri
