// SPDX-License-Identifier: MIT
#include "cli/next.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "support/times.hpp"

namespace bansuri::cli {
namespace {

using nlohmann::json;
using test::utc;
using ::testing::HasSubstr;

const WallTime test_now = utc("2026-03-28T12:00:00Z");

struct Printed {
    int code;
    std::string out;
    std::string err;
};

NextRequest ask(std::string expression, std::optional<std::string> zone_name = "UTC",
                std::optional<std::string> from = std::nullopt, std::int64_t count = 1) {
    NextRequest request;
    request.expression = std::move(expression);
    request.zone = std::move(zone_name);
    request.from = std::move(from);
    request.count = count;
    return request;
}

Printed print(NextRequest request) {
    request.now = test_now;
    std::ostringstream out;
    std::ostringstream err;
    const int code = print_next(request, out, err);
    return {code, out.str(), err.str()};
}

std::vector<json> answers(const std::string& input) {
    std::istringstream in(input);
    std::ostringstream out;
    EXPECT_EQ(answer_batch(in, out, test_now), 0);
    std::vector<json> result;
    std::istringstream lines(out.str());
    for (std::string line; std::getline(lines, line);) result.push_back(json::parse(line));
    return result;
}

TEST(Next, PrintsInstantsWithNumericOffsetOneALine) {
    const Printed printed = print(ask("30 2 * * *", "Europe/Berlin", std::nullopt, 2));
    EXPECT_EQ(printed.code, 0);
    EXPECT_EQ(printed.out, "2026-03-29T03:00:00+02:00\n2026-03-30T02:30:00+02:00\n");
    EXPECT_EQ(printed.err, "");
}

TEST(Next, WritesUtcAsPlusZero) {
    EXPECT_EQ(print(ask("0 2 * * *")).out, "2026-03-29T02:00:00+00:00\n");
}

TEST(Next, IsStrictlyAfterFrom) {
    EXPECT_EQ(print(ask("0 2 * * *", "UTC", "2026-01-01T02:00:00Z", 1)).out,
              "2026-01-02T02:00:00+00:00\n");
    EXPECT_EQ(print(ask("* * * * * *", "UTC", "2026-01-01T02:00:00.5Z", 1)).out,
              "2026-01-01T02:00:01+00:00\n");
}

TEST(Next, ReadsFromWithoutOffsetInTheZone) {
    EXPECT_EQ(print(ask("0 2 * * *", "Asia/Tokyo", "2026-01-01T02:00", 1)).out,
              "2026-01-02T02:00:00+09:00\n");
}

TEST(Next, UsesTheSystemsZoneUnlessToldOtherwise) {
    ::setenv("TZ", "Asia/Tokyo", 1);
    EXPECT_EQ(print(ask("0 2 * * *", std::nullopt)).out, "2026-03-29T02:00:00+09:00\n");
    ::unsetenv("TZ");
}

TEST(Next, TakesATasksOwnScheduleInsteadOfAnExpression) {
    NextRequest request = ask("not looked at", "Nowhere", "2026-03-29T00:00");
    request.schedule = CronSchedule::parse("30 2 * * *", test::zone("Europe/Berlin")).value();
    EXPECT_EQ(print(request).out, "2026-03-29T03:00:00+02:00\n");
}

TEST(Next, PrintsFewerWhenTimeEnds) {
    const Printed printed = print(ask("@yearly", "UTC", "9997-06-01", 10));
    EXPECT_EQ(printed.out, "9998-01-01T00:00:00+00:00\n9999-01-01T00:00:00+00:00\n");
    EXPECT_EQ(printed.code, 0);
}

TEST(Next, GivenWhatItCannotTake_ThenItSaysSoOnErrAndNothingOnOut) {
    struct Row {
        NextRequest request;
        const char* reason;
    };
    const Row rows[] = {
        {ask("61 * * * *"), "minute field"},
        {ask("0 0 31 2 *"), "can never be due"},
        {ask("@reboot"), "start-up"},
        {ask("0 2 * * *", "Mars/Olympus"), "no time zone \"Mars/Olympus\""},
        {ask("0 2 * * *", "UTC", "yesterday", 1), "\"yesterday\" is not a time"},
        {ask("0 2 * * *", "UTC", std::nullopt, 0), "write 1 to 10000"},
        {ask("0 2 * * *", "UTC", std::nullopt, -1), "write 1 to 10000"},
        {ask("0 2 * * *", "UTC", std::nullopt, 10'001), "write 1 to 10000"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.reason);
        const Printed printed = print(row.request);
        EXPECT_EQ(printed.code, 2);
        EXPECT_EQ(printed.out, "");
        EXPECT_THAT(printed.err, HasSubstr(row.reason));
    }
}

TEST(NextBatch, AnswersEachLineInOrder) {
    const auto answer =
        answers(R"({"expr":"0 2 * * *","tz":"UTC","from":"2026-01-01T00:00:00Z","count":2})"
                "\n"
                R"({"expr":"61 * * * *","tz":"UTC"})"
                "\n"
                R"({"expr":"30 2 * * *","tz":"Europe/Berlin"})");
    ASSERT_EQ(answer.size(), 3u);
    EXPECT_EQ(answer[0],
              json({{"next", {"2026-01-01T02:00:00+00:00", "2026-01-02T02:00:00+00:00"}}}));
    EXPECT_THAT(answer[1].at("error").get<std::string>(), HasSubstr("minute field"));
    EXPECT_EQ(answer[2], json::parse(R"({"next":["2026-03-29T03:00:00+02:00"]})"));
}

TEST(NextBatch, NullIsAsIfTheKeyWereMissing) {
    EXPECT_EQ(answers(R"({"expr":"0 2 * * *","tz":"UTC","from":null,"count":null})").at(0),
              json::parse(R"({"next":["2026-03-29T02:00:00+00:00"]})"));
}

TEST(NextBatch, ABadLineIsAnErrorLineAndTheNextOneIsAnswered) {
    const std::string good = "\n{\"expr\":\"0 2 * * *\",\"tz\":\"UTC\"}\n";
    struct Row {
        std::string line;
        const char* reason;
    };
    const Row rows[] = {
        {"", "not a JSON object"},
        {"nonsense", "not a JSON object"},
        {"[]", "not a JSON object"},
        {"42", "not a JSON object"},
        {"{", "not a JSON object"},
        {std::string(60'000, '['), "not a JSON object"},
        {"{\"expr\":\"\xff\"}", "not a JSON object"},
        {std::string(70'000, 'x'), "longer than 64 KiB"},
        {"{}", "\"expr\" is missing"},
        {R"({"expr":5})", "\"expr\" is not a string"},
        {R"({"expr":"@daily","tz":5})", "\"tz\" is not a string"},
        {R"({"expr":"@daily","from":5})", "\"from\" is not a string"},
        {R"({"expr":"@daily","timezone":"UTC"})", "unknown key \"timezone\""},
        {R"({"expr":"@daily","tz":"Nowhere"})", "no time zone \"Nowhere\""},
        {R"({"expr":"@daily","tz":"UTC\u0000"})", "no time zone"},
        {R"({"expr":"@daily","from":"soon"})", "\"soon\" is not a time"},
        {R"({"expr":"@daily","count":0})", "write 1 to 10000"},
        {R"({"expr":"@daily","count":-5})", "write 1 to 10000"},
        {R"({"expr":"@daily","count":10001})", "write 1 to 10000"},
        {R"({"expr":"@daily","count":18446744073709551615})", "write 1 to 10000"},
        {R"({"expr":"@daily","count":1e99})", "not a whole number"},
        {R"({"expr":"@daily","count":1.5})", "not a whole number"},
        {R"({"expr":"@daily","count":"2"})", "not a whole number"},
        {R"({"expr":"f\u00fcnf * * * *"})", "not printable ASCII"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.line.substr(0, 60));
        const auto answer = answers(row.line + good);
        ASSERT_EQ(answer.size(), 2u);
        EXPECT_THAT(answer[0].at("error").get<std::string>(), HasSubstr(row.reason));
        EXPECT_TRUE(answer[1].contains("next"));
    }
}

TEST(NextBatch, ALineOf64KiBIsTakenAndOneMoreByteIsNot) {
    const std::string start = R"({"expr":"@daily","tz":"UTC")";
    const std::string exact = start + std::string(64 * 1024 - start.size() - 1, ' ') + "}";
    EXPECT_TRUE(answers(exact).at(0).contains("next"));
    EXPECT_TRUE(answers(exact + " ").at(0).contains("error"));
}

TEST(NextBatch, AnswersNothingToNothing) {
    EXPECT_TRUE(answers("").empty());
    EXPECT_EQ(answers("{\"expr\":\"@daily\"}\n").size(), 1u);
}

TEST(NextBatch, GivesTenThousandInstantsAtOnce) {
    const auto answer = answers(R"({"expr":"* * * * * *","tz":"UTC","count":10000})");
    EXPECT_EQ(answer.at(0).at("next").size(), 10'000u);
}

TEST(NextBatch, GivenAnOutputThatBreaks_ThenItStopsWithOne) {
    std::istringstream in("{\"expr\":\"@daily\"}\n{\"expr\":\"@daily\"}\n");
    std::ostringstream out;
    out.setstate(std::ios::badbit);
    EXPECT_EQ(answer_batch(in, out, test_now), 1);
}

}  // namespace
}  // namespace bansuri::cli
