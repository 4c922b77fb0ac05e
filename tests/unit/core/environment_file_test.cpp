// SPDX-License-Identifier: MIT
#include "core/environment_file.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace bansuri {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string error_of(const Result<Variables>& read) {
    return read ? "no error" : read.error().message;
}

TEST(Dotenv, ReadsWhatSuchFilesHold) {
    struct Row {
        const char* text;
        Variables variables;
    };
    const Row rows[] = {
        {"", {}},
        {"\n  \n# nothing\n   # more\n", {}},
        {"A=1", {{"A", "1"}}},
        {"A=1\r\nB=2\r\n", {{"A", "1"}, {"B", "2"}}},
        {"\xef\xbb\xbf"
         "A=1\n",
         {{"A", "1"}}},
        {"  export  A=1\n", {{"A", "1"}}},
        {"export=1\n", {{"export", "1"}}},
        {"A=\nB=''\nC=\"\"\n", {{"A", ""}, {"B", ""}, {"C", ""}}},
        {"A= two words \t\n", {{"A", "two words"}}},
        {"A=x # a comment\nB=x#y\nC=#z\n", {{"A", "x"}, {"B", "x#y"}, {"C", ""}}},
        {"A='$HOME \\n \"'  # comment\nB=1", {{"A", "$HOME \\n \""}, {"B", "1"}}},
        {R"(A="one\ntwo \"quoted\" \$x \\ \d")", {{"A", "one\ntwo \"quoted\" $x \\ \\d"}}},
        {"A=\"one\ntwo\"\nB='x\ny'\n", {{"A", "one\ntwo"}, {"B", "x\ny"}}},
        {"A=\"one \\\ntwo\"\n", {{"A", "one two"}}},
        {"A=it's\nB=a\"b\n", {{"A", "it's"}, {"B", "a\"b"}}},
        {"A=1\nA=2\n", {{"A", "1"}, {"A", "2"}}},
        {"A=x=y=\n", {{"A", "x=y="}}},
        {"a.b-c_D9=ü\n", {{"a.b-c_D9", "ü"}}},
    };
    for (const Row& row : rows) {
        const auto read = parse_dotenv(row.text);
        ASSERT_TRUE(read) << row.text << ": " << error_of(read);
        EXPECT_EQ(*read, row.variables) << row.text;
    }
}

TEST(Dotenv, SaysInWhichLineItIsWrongAndKeepsValuesToItself) {
    struct Row {
        std::string text;
        const char* message;
    };
    const Row rows[] = {
        {"A=1\nsecret words\n", "line 2: this is no NAME=value"},
        {"A =secret\n", "line 1: this is no NAME=value"},
        {"=secret\n", "line 1"},
        {"1A=secret\n", "line 1"},
        {"A=1\n\nB='secret\nC=2\n", "line 3: the value of B begins with '"},
        {"A=\"secret\n", "line 1: the value of A begins with \""},
        {"A='secret' more\n", "line 1: something follows the quoted value of A"},
        {"A=\"x\ny\"secret\n", "line 2: something follows"},
        {std::string("A=1\nB=secret\0\n", 14), "line 2: there is a NUL byte"},
    };
    for (const Row& row : rows) {
        EXPECT_THAT(error_of(parse_dotenv(row.text)), HasSubstr(row.message)) << row.text;
        EXPECT_THAT(error_of(parse_dotenv(row.text)), Not(HasSubstr("secret"))) << row.text;
    }
}

RC_GTEST_PROP(Dotenv, WhatIsQuotedComesBack, (const std::map<std::string, std::string>& wanted)) {
    std::string text;
    Variables variables;
    int number = 0;
    for (const auto& [_, any] : wanted) {
        std::string value = any;
        value.erase(std::remove(value.begin(), value.end(), '\0'), value.end());
        const std::string name = "V" + std::to_string(number++);
        text += name + "=\"";
        for (const char c : value) {
            if (c == '"' || c == '\\') text += '\\';
            text += c;
        }
        text += "\"\n";
        variables.emplace_back(name, value);
    }
    const auto read = parse_dotenv(text);
    RC_ASSERT(read.has_value());
    RC_ASSERT(*read == variables);
}

RC_GTEST_PROP(Dotenv, AnyBytesAreReadOrRefused, (const std::string& bytes)) {
    for (const std::string& text : {bytes, "A=" + bytes, "A=\"" + bytes + "\"\n"}) {
        const auto read = parse_dotenv(text);
        if (!read) RC_ASSERT(read.error().message.starts_with("line "));
    }
}

TEST(JsonVariables, AreAnObjectOfTexts) {
    const auto read =
        parse_json_variables(R"({"A": "1", "B": 2, "C": true, "D": 1.5, "E F": "", /* x */})");
    EXPECT_FALSE(read) << "a comma too many";
    const auto good =
        parse_json_variables("{\"A\": \"1\", \"B\": 2, // two\n \"C\": true, \"E F\": \"ü\"}");
    ASSERT_TRUE(good) << error_of(good);
    EXPECT_EQ(*good, (Variables{{"A", "1"}, {"B", "2"}, {"C", "true"}, {"E F", "ü"}}));
    for (const char* bad :
         {"[]", "\"secret\"", "{\"A\": null}", "{\"A\": [\"secret\"]}", "{\"A=B\": \"secret\"}",
          "{\"\": \"secret\"}", "{\"A\": \"secret\\u0000\"}", "{\n\"A\": secret}", "",
          "{\"A\": \"sec"}) {
        EXPECT_FALSE(parse_json_variables(bad)) << bad;
        EXPECT_THAT(error_of(parse_json_variables(bad)), Not(HasSubstr("secret"))) << bad;
    }
    EXPECT_THAT(error_of(parse_json_variables("{\n\"A\": secret}")), HasSubstr("line 2"));
}

TEST(EnvironmentFiles, AreReadByTheirNames) {
    EXPECT_TRUE(parse_environment_file("/etc/x.json", "{}"));
    EXPECT_FALSE(parse_environment_file("/etc/x.env", "{}"));
    EXPECT_TRUE(parse_environment_file("/etc/json", "A=1"));
}

}  // namespace
}  // namespace bansuri
