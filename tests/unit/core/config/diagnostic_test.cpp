// SPDX-License-Identifier: MIT
#include "core/config/diagnostic.hpp"

#include <gtest/gtest.h>

#include "core/config/source_text.hpp"

namespace bansuri {
namespace {

TEST(Diagnostic, IsOneLineWithPlaceTaskKeyValueReasonAndRemedy) {
    const Diagnostic diagnostic{.line = 3,
                                .column = 7,
                                .task = "backup",
                                .task_number = 2,
                                .key = "timer",
                                .value = "\"5x\"",
                                .reason = "no",
                                .remedy = "write 5m"};
    EXPECT_EQ(render(diagnostic, "scripts.json"),
              R"(scripts.json:3:7: error: task "backup": key "timer": value "5x": no; write 5m)");
}

TEST(Diagnostic, LeavesOutWhatDoesNotApply) {
    EXPECT_EQ(render({.severity = Severity::warning, .line = 1, .column = 1, .reason = "why"}, "f"),
              "f:1:1: warning: why");
    EXPECT_EQ(render({.line = 1, .column = 1, .task_number = 4, .reason = "why"}, "f"),
              "f:1:1: error: task number 4: why");
}

TEST(Printable, MakesTextHarmlessForATerminal) {
    struct Row {
        const char* why;
        std::string_view text;
        std::string_view shown;
    };
    const Row rows[] = {
        {"plain text stays", "caf\xC3\xA9 \xE2\x82\xAC", "caf\xC3\xA9 \xE2\x82\xAC"},
        {"an escape sequence is not sent", "\x1b[2J", "\\u001b[2J"},
        {"neither is a C1 control",
         "\xC2\x9B"
         "0m",
         "\\u009b0m"},
        {"line ends do not break the line", "a\nb\tc\r", "a\\nb\\tc\\u000d"},
        {"text is not reordered", "\xE2\x80\xAE", "\\u202e"},
        {"bytes that are no UTF-8 are shown", "\xFFz\xC3", "\\xffz\\xc3"},
        {"DEL", "\x7F", "\\u007f"},
        {"empty", "", ""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        EXPECT_EQ(printable(row.text), row.shown);
    }
}

TEST(Printable, CutsLongTextBetweenCharacters) {
    EXPECT_EQ(printable("\xC3\xA9\xC3\xA9\xC3\xA9", 2), "\xC3\xA9\xC3\xA9...");
    EXPECT_EQ(printable(std::string(80, 'x')), std::string(80, 'x'));
    EXPECT_EQ(printable(std::string(81, 'x')), std::string(80, 'x') + "...");
}

TEST(SourceText, LocatesOffsetsByLineAndCharacter) {
    struct Row {
        const char* why;
        std::string_view text;
        config::Offset offset;
        config::Position position;
    };
    const Row rows[] = {
        {"the beginning is 1:1", "abc", 0, {1, 1}},
        {"a tab is one column", "\tb", 1, {1, 2}},
        {"a character of three bytes is one column", "\xE2\x82\xAC!", 3, {1, 2}},
        {"a line end belongs to its line", "a\nb", 1, {1, 2}},
        {"behind it a line begins", "a\nb", 2, {2, 1}},
        {"CR LF ends one line", "a\r\nb", 3, {2, 1}},
        {"the byte order mark is no column", "\xEF\xBB\xBF{", 3, {1, 1}},
        {"the end of the text has a place", "ab", 2, {1, 3}},
        {"beyond the end is the end", "ab", 9, {1, 3}},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        EXPECT_EQ(config::SourceText(row.text).locate(row.offset), row.position);
    }
}

TEST(SourceText, LocatesTheSameInALargeTextAsByCounting) {
    std::string text;
    for (int i = 0; i < 30'000; ++i) text += i % 37 == 0 ? "\n" : "\xC3\xA9";
    const config::SourceText source(text);
    config::Position counted{1, 1};
    for (config::Offset at = 0; at < text.size(); ++at) {
        if ((static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) continue;
        if (at % 97 == 0 || at % 16384 < 3) {
            ASSERT_EQ(source.locate(at), counted) << at;
        }
        counted = text[at] == '\n' ? config::Position{counted.line + 1, 1}
                                   : config::Position{counted.line, counted.column + 1};
    }
}

TEST(SourceText, ShowsObjectsOnOneLineAndStringsAsTheyAre) {
    const std::string_view text = "{\n   \"a\":  1\n}\"b   c\"";
    const config::SourceText source(text);
    EXPECT_EQ(source.excerpt({0, 14}), R"({ "a": 1 })");
    EXPECT_EQ(source.excerpt({14, 21}), R"("b   c")");
}

}  // namespace
}  // namespace bansuri
