// SPDX-License-Identifier: MIT
//
// What is no JSON is refused with its exact place and a remedy, whatever it is.
#include <gmock/gmock.h>

#include "unit/core/config/parsing.hpp"

namespace bansuri {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::string_literals;

TEST(Syntax, CommentsAndAByteOrderMarkAreAllowed) {
    const ParsedConfiguration parsed = parse(
        "\xEF\xBB\xBF// first\n{ /* a \" ' // */ \"scripts\": // list\n [ /**/ ] /* , */ } // end");
    EXPECT_EQ(all_messages(parsed), "");
    EXPECT_TRUE(parsed.configuration);
}

TEST(Syntax, AnErrorNamesItsPlaceItsReasonAndTheRemedy) {
    struct Row {
        std::string text;
        const char* message;
    };
    const Row rows[] = {
        {"", R"(f:1:1: error: the file is empty; write at least {"scripts": []})"},
        {" \n ",
         R"(f:2:2: error: the file holds no configuration; write at least {"scripts": []})"},
        {"[]", R"(f:1:1: error: the configuration must be an object; write {"scripts": [...]})"},
        {"3", R"(f:1:1: error: the configuration must be an object; write {"scripts": [...]})"},
        {R"({"scripts": [},])",
         R"(f:1:14: error: "}" stands where a value must be; add the value)"},
        {R"({"scripts": [],})", R"(f:1:15: error: there is a comma before "}"; remove the comma)"},
        {R"({"scripts": [1,]})", R"(f:1:15: error: there is a comma before "]"; remove the comma)"},
        {R"({"scripts": [],, "version": "1.0"})",
         "f:1:16: error: there is a comma too many; remove it"},
        {R"({, "scripts": []})", "f:1:2: error: there is a comma too many; remove it"},
        {R"({"scripts": [,]})", "f:1:14: error: there is a comma where a value must be; remove it"},
        {R"({"scripts" []})",
         R"(f:1:12: error: there is no colon after the key; write "key": value)"},
        {R"({"scripts":})", R"(f:1:12: error: "}" stands where a value must be; add the value)"},
        {"{\"scripts\": []\n \"version\": \"1.0\"}",
         "f:2:2: error: there is no comma before this; add one after the value that ends here"},
        {R"({"scripts": []} {})",
         "f:1:17: error: there is text after the end of the configuration; remove it, or the "
         "bracket that closed the configuration too early"},
        {R"({"scripts": [{"name": "a"]})",
         R"(f:1:26: error: "]" closes the object that opens at 1:14; write "}")"},
        {R"({"scripts": [{"name": "a")",
         R"(f:1:26: error: the file ends inside the object that opens at 1:14; close it with "}"; )"
         "was the file written to its end?"},
        {R"({"scripts": [{"na)",
         "f:1:15: error: the string is not closed before the file ends; add the closing quote"},
        {"{\"scripts\": [{\"name\": \"a\n\"}]}",
         "f:1:23: error: the string is not closed on its line; add the closing quote; a line break "
         R"(within a string is written \n)"},
        {"{\"scripts\": [\"a\tb\"]}",
         R"(f:1:16: error: a string holds the control character U+0009; write \t)"},
        {"{\"scripts\": [\"a\x01\"]}",
         R"(f:1:16: error: a string holds the control character U+0001; write \u0001)"},
        {R"({"scripts": ["C:\data"]})",
         R"(f:1:17: error: "\d" is not an escape of JSON; write \\ for a backslash)"},
        {R"({"scripts": ["\u12"]})",
         R"(f:1:15: error: \u is not followed by four hexadecimal digits; write \u00e9)"},
        {R"({"scripts": ["\ud800x"]})",
         "f:1:15: error: half of a surrogate pair is not a character; write the character itself, "
         "in UTF-8"},
        {"{'scripts': []}", "f:1:2: error: JSON knows no single quotes; write double quotes"},
        {"{scripts: []}", R"(f:1:2: error: the key scripts has no quotes; write "scripts")"},
        {R"({"scripts": [NaN]})",
         "f:1:14: error: NaN is not a value of JSON; write a finite number"},
        {R"({"scripts": [-Infinity]})",
         "f:1:14: error: -Infinity is not a value of JSON; write a finite number"},
        {R"({"scripts": [True]})", "f:1:14: error: True is not a value of JSON; write true"},
        {R"({"scripts": [nulls]})",
         R"(f:1:14: error: nulls is not a value of JSON; write "nulls")"},
        {R"({"scripts": [5m]})",
         R"(f:1:14: error: 5m is not a number of JSON; put values with a unit in quotes, as in "30s")"},
        {R"({"scripts": [05]})",
         "f:1:14: error: 05 begins with a zero; remove the zero, or add quotes"},
        {R"({"scripts": [+5]})",
         "f:1:14: error: +5 is not a number of JSON; write for example 30 or 0.5"},
        {R"({"scripts": [.5]})",
         "f:1:14: error: .5 is not a number of JSON; write for example 30 or 0.5"},
        {R"({"scripts": [5.]})",
         "f:1:14: error: 5. is not a number of JSON; write for example 30 or 0.5"},
        {R"({"scripts": [1e999]})",
         "f:1:14: error: the number 1e999 is too large; write a smaller one"},
        {"{\"scripts\": [] # none\n}",
         "f:1:16: error: # begins no comment; begin the comment with //"},
        {R"({"scripts": [] / none})",
         "f:1:16: error: a single / begins no comment; write // or /*"},
        {"{\"scripts\": [] // /*\n /* none }", "f:2:2: error: the comment is not closed; add */"},
        {"{\"scripts\": [\0]}"s,
         "f:1:14: error: there is a NUL byte, so this is not a text file; check that it is the "
         "configuration file, and that it was written to its end"},
        {"{\"scripts\": [\"\xE9\"]}",
         "f:1:15: error: the byte 0xe9 is not UTF-8; save the file as UTF-8"},
        {"// caf\xE9\n{\"scripts\": []}",
         "f:1:7: error: the byte 0xe9 is not UTF-8; save the file as UTF-8"},
        {"\xFF\xFE{\0"s, "f:1:1: error: the byte 0xff is not UTF-8; save the file as UTF-8"},
        {"{\"a\xED\xA0\x80\": 1}",
         "f:1:4: error: the byte 0xed is not UTF-8; save the file as UTF-8"},
        {"{\"scripts\": [\xC0\xAF]}",
         "f:1:14: error: the byte 0xc0 is not UTF-8; save the file as UTF-8"},
        {R"({"scripts": [(1)]})",
         R"x(f:1:14: error: "(" stands where a value must be; remove or correct it)x"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        const ParsedConfiguration parsed = parse(row.text);
        ASSERT_FALSE(parsed.diagnostics.empty());
        EXPECT_FALSE(parsed.configuration);
        // Tasks that are none are reported before: the last line is the one of the syntax.
        bool found = false;
        for (const std::string& line : errors_of(row.text)) found = found || line == row.message;
        EXPECT_TRUE(found) << "wanted: " << row.message << "\ngot:    " << all_messages(parsed);
    }
}

TEST(Syntax, WhatStandsBeforeTheErrorIsReportedToo) {
    EXPECT_THAT(errors_of("{\"version\": \"2\",\n \"scripts\": [\n"
                          "  {\"name\": \"a\", \"command\": \"x\", \"timer\": \"5x\"},\n"
                          "  {\"name\": \"b\", \"command\": \"x\", },\n"
                          "  {\"name\": \"c\", \"timer\": \"5y\"}]}"),
                ElementsAre(StartsWith("f:1:13: error: key \"version\""),
                            StartsWith("f:3:42: error: task \"a\": key \"timer\""),
                            StartsWith("f:4:31: error: there is a comma before")));
}

TEST(Syntax, WhatOnlyTheWholeFileTellsIsNotGuessedFromAPart) {
    // The missing notify_command and the unknown name may stand in what could not be read.
    EXPECT_THAT(errors_of(R"({"scripts": [{"name": "a", "command": "x", "notify": "mail"}, ?)"),
                ElementsAre(HasSubstr("\"?\" stands where a value must be")));
}

TEST(Syntax, EachPrefixOfAFileIsRefusedOrWhole) {
    const std::string whole = R"({"version": "1.0", /* é */ "defaults": {"on-fail": "restart"},
        "scripts": [{"name": "a\u00e9", "command": "x", "timer": 1.5e1, "tags": ["\ud83d\ude00"]}]})";
    for (std::size_t size = 0; size < whole.size(); ++size) {
        const ParsedConfiguration parsed = parse(std::string_view(whole).substr(0, size));
        ASSERT_FALSE(parsed.configuration) << size;
        ASSERT_GT(parsed.errors, 0u) << size;
    }
}

TEST(DuplicateKeys, AreErrorsWithBothPlaces) {
    EXPECT_THAT(
        errors_of("{\"scripts\": [],\n \"scripts\": []}"),
        ElementsAre("f:2:2: error: key \"scripts\": the key stands here twice; the other is "
                    "at 1:2; keep one of them"));
    EXPECT_THAT(errors_of(file_with("\"name\": \"a\", \"command\": \"x\",\n\"command\": \"y\"")),
                ElementsAre("f:2:1: error: task \"a\": key \"command\": the key stands here twice; "
                            "the other is at 1:54; keep one of them"));
    EXPECT_THAT(errors_of(with_key(R"("environment": {"A": "1", "A": "2"})")),
                ElementsAre(HasSubstr("key \"A\": the key stands here twice")));
    EXPECT_THAT(errors_of(R"({"defaults": {"timeout": 1, "timeout": 2}, "scripts": []})"),
                ElementsAre(HasSubstr("key \"timeout\": the key stands here twice")));
    EXPECT_THAT(errors_of(R"({"scripts": [], "version": "1.0", "v\u0065rsion": "1.0"})"),
                ElementsAre(HasSubstr("key \"version\": the key stands here twice")));
}

}  // namespace
}  // namespace bansuri
