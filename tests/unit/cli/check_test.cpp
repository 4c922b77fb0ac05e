// SPDX-License-Identifier: MIT
#include "cli/check.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <sstream>

namespace bansuri::cli {
namespace {

struct Printed {
    int code = 0;
    std::string out;
    std::string err;
};

Printed check(std::string_view text, bool json = false, std::string_view origin = "scripts.json") {
    std::ostringstream out;
    std::ostringstream err;
    const int code = report(parse_configuration(text, origin, "/etc"), origin, json, out, err);
    return {code, out.str(), err.str()};
}

TEST(Check, OfAGoodFileIsOneLineAndZero) {
    const Printed printed = check(R"({"scripts": [{"name": "a", "command": "x"}]})");
    EXPECT_EQ(printed.code, 0);
    EXPECT_EQ(printed.out, "scripts.json: 1 task, no errors, no warnings\n");
    EXPECT_EQ(printed.err, "");
    EXPECT_EQ(check(R"({"scripts": []})").out, "scripts.json: no tasks, no errors, no warnings\n");
}

TEST(Check, OfABadFilePrintsEachErrorOnItsLineAndOne) {
    const Printed printed =
        check("{\"scripts\": [{\"name\": \"a\"},\n {\"command\": \"x\", \"timer\": 5}]}");
    EXPECT_EQ(printed.code, 1);
    EXPECT_EQ(printed.out, "scripts.json: 2 tasks, 2 errors, no warnings\n");
    EXPECT_EQ(printed.err,
              "scripts.json:1:14: error: task \"a\": key \"command\": the task has no command; add "
              "\"command\": \"...\"\n"
              "scripts.json:2:2: error: task number 2: key \"name\": the task has no name; add "
              "\"name\": \"...\"\n");
}

TEST(Check, WarningsAloneAreNoFailure) {
    const Printed printed = check(R"({"scripts": [{"name": "a", "command": "x", "timer": 5}]})");
    EXPECT_EQ(printed.code, 0);
    EXPECT_EQ(printed.out, "scripts.json: 1 task, no errors, 1 warning\n");
    EXPECT_THAT(printed.err, testing::HasSubstr("warning: task \"a\": key \"on-fail\""));
}

TEST(Check, SaysHowManyErrorsItDoesNotShow) {
    std::string text = R"({"scripts": [0)";
    for (int i = 0; i < 1499; ++i) text += ",0";
    const Printed printed = check(text + "]}");
    EXPECT_THAT(printed.err, testing::EndsWith("\nand 500 more errors\n"));
    EXPECT_EQ(printed.out, "scripts.json: 1500 tasks, 1500 errors, no warnings\n");
    EXPECT_EQ(nlohmann::json::parse(check(text + "]}", true).out).back()["message"],
              "and 500 more errors");
}

TEST(Check, AsJsonIsAListOfObjects) {
    const Printed printed =
        check(R"({"scripts": [{"name": "a", "command": "x", "timer": "5x", "warm": true}]})", true);
    EXPECT_EQ(printed.code, 1);
    EXPECT_EQ(printed.err, "");
    const auto list = nlohmann::json::parse(printed.out);
    ASSERT_EQ(list.size(), 2u);
    EXPECT_EQ(list[0]["severity"], "error");
    EXPECT_EQ(list[0]["code"], "config_invalid");
    EXPECT_EQ(list[0]["file"], "scripts.json");
    EXPECT_EQ(list[0]["line"], 1);
    EXPECT_EQ(list[0]["column"], 53);
    EXPECT_EQ(list[0]["task"], "a");
    EXPECT_EQ(list[0]["key"], "timer");
    EXPECT_EQ(list[0]["value"], "\"5x\"");
    EXPECT_EQ(list[1]["code"], "not_available");
    EXPECT_EQ(check(R"({"scripts": []})", true).out, "[]\n");
}

TEST(Check, AFileNameOfAnyBytesIsPrintedAsJson) {
    EXPECT_NO_THROW(nlohmann::json::parse(check("[]", true, "\xFF.json").out));
}

}  // namespace
}  // namespace bansuri::cli
