// SPDX-License-Identifier: MIT
//
// RELIABILITY D31: no file, however hostile, crashes the parser, keeps it busy or makes it large.
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>

#include "core/config/diagnostic_sink.hpp"
#include "support/sanitizers.hpp"
#include "unit/core/config/parsing.hpp"

namespace bansuri {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::size_t mebibyte = 1U << 20;

std::string repeated(std::size_t times, const std::function<std::string(std::size_t)>& part) {
    std::string text;
    for (std::size_t i = 0; i < times; ++i) {
        if (i > 0) text += ',';
        text += part(i);
    }
    return text;
}

/// Kibibytes that the largest memory of this process grows by when `text` is parsed; measured in
/// a child, since the peak of a process never falls.
long growth_of(const std::string& text) {
    int ends[2];
    if (::pipe(ends) != 0) return -1;
    const pid_t child = ::fork();
    if (child == 0) {
        rusage before{};
        ::getrusage(RUSAGE_SELF, &before);
        const ParsedConfiguration parsed = parse(text);
        rusage after{};
        ::getrusage(RUSAGE_SELF, &after);
        const long grown = parsed.configuration ? -2 : after.ru_maxrss - before.ru_maxrss;
        ::_exit(::write(ends[1], &grown, sizeof grown) == sizeof grown ? 0 : 1);
    }
    long grown = -1;
    if (::read(ends[0], &grown, sizeof grown) != sizeof grown) grown = -3;
    ::close(ends[0]);
    ::close(ends[1]);
    int status = 0;
    ::waitpid(child, &status, 0);
    return grown;
}

struct Hostile {
    const char* what;
    std::string text;
    const char* message;
};

std::vector<Hostile> hostile_files() {
    const auto task = [](std::size_t i) {
        return R"({"name":"t)" + std::to_string(i) + R"(","command":"x"})";
    };
    return {
        {"100 MB", std::string(100 * mebibyte, ' '),
         "f:1:1: error: the file is larger than 32 MiB"},
        {"31 MB of blanks", "{" + std::string(31 * mebibyte, ' '),
         "more than 8 MiB of blanks and comments follow"},
        {"a comment of 31 MB", "{/*" + std::string(31 * mebibyte, 'x'),
         "more than 8 MiB of blanks and comments follow"},
        {"a string of 31 MB", "{\"" + std::string(31 * mebibyte, 'x'),
         "a value is longer than 1 MiB"},
        {"a number of 31 MB", "{\"timezone\": " + std::string(31 * mebibyte, '1'),
         "a value is longer than 1 MiB"},
        {"depth 100 000", "{\"scripts\": " + std::string(100'000, '['),
         "f:1:44: error: objects and lists lie deeper than 32 within each other"},
        {"a million keys of the root",
         "{" + repeated(1'000'000, [](auto i) { return "\"k" + std::to_string(i) + "\":1"; }) + "}",
         "f:1:2: error: key \"k0\": unknown key"},
        {"a million keys of a task",
         "{\"scripts\":[{" +
             repeated(1'000'000, [](auto i) { return "\"k" + std::to_string(i) + "\":1"; }) + "}]}",
         "f:1:13: error: task number 1: more than 65536 values lie within this"},
        {"the same key 60 000 times",
         "{\"scripts\":[{" + repeated(60'000, [](auto) { return "\"name\":\"a\""; }) + "}]}",
         "the key stands here twice"},
        {"the same name 200 000 times",
         "{\"scripts\":[" + repeated(200'000, [&](auto) { return task(0); }) + "]}",
         "another task has this name, at 1:21"},
        {"a wrong key in each of 200 000 tasks, on one line",
         "{\"scripts\":[" +
             repeated(200'000,
                      [](auto i) { return "{\"name\":\"t" + std::to_string(i) + "\",\"x\":1}"; }) +
             "]}",
         "unknown key"},
        {"200 000 empty tasks",
         "{\"scripts\":[" + repeated(200'000, [](auto) { return "{}"; }) + "]}",
         "task number 1: key \"name\": the task has no name"},
        {"200 001 tasks", "{\"scripts\":[1," + repeated(200'000, task) + "]}",
         "there are more than 200000 tasks"},
    };
}

TEST(Limits, AHostileFileIsRefusedWithAReasonAndSoon) {
    for (const Hostile& file : hostile_files()) {
        SCOPED_TRACE(file.what);
        const auto begin = std::chrono::steady_clock::now();
        const ParsedConfiguration parsed = parse(file.text);
        const auto took = std::chrono::steady_clock::now() - begin;
        EXPECT_FALSE(parsed.configuration);
        EXPECT_THAT(messages(parsed, Severity::error), Contains(HasSubstr(file.message)));
        // Generous: the machine may be busy. What is quadratic takes minutes.
        EXPECT_LT(took, std::chrono::seconds(testing::has_sanitizers() ? 120 : 20));
    }
}

TEST(Limits, AHostileFileTakesLessThan50MegabytesMore) {
    if (testing::has_sanitizers()) GTEST_SKIP() << "a sanitizer keeps freed memory";
    for (const Hostile& file : hostile_files()) {
        SCOPED_TRACE(file.what);
        const long grown = growth_of(file.text);
        EXPECT_GE(grown, 0);
        EXPECT_LT(grown, 50 * 1024);
    }
}

TEST(Limits, DefaultsCannotMultiplyWithoutBound) {
    const std::string text =
        R"({"defaults":{"environment":{)" +
        repeated(60'000, [](auto i) { return "\"k" + std::to_string(i) + R"(":"1")"; }) +
        R"(}},"scripts":[)" +
        repeated(
            100'000,
            [](auto i) { return R"({"name":"t)" + std::to_string(i) + R"(","command":"x"})"; }) +
        "]}";
    EXPECT_THAT(errors_of(text),
                ElementsAre(HasSubstr("the defaults are too large for so many tasks")));
}

TEST(Limits, OnlyTheFirstErrorsAreKeptAndAllAreCounted) {
    const std::string text =
        "{\"scripts\":[" +
        repeated(1500, [](auto) { return R"({"name":"a","command":"x","q":1})"; }) + "]}";
    const ParsedConfiguration parsed = parse(text);
    EXPECT_EQ(parsed.errors, 1500u + 1499u);
    EXPECT_THAT(parsed.diagnostics, SizeIs(config::DiagnosticSink::kept));
    EXPECT_EQ(parsed.tasks, 1500u);
}

TEST(Limits, WarningsDoNotCrowdOutErrors) {
    const std::string text =
        "{\"scripts\":[" +
        repeated(2000,
                 [](auto i) {
                     return R"({"name":"t)" + std::to_string(i) + R"(","command":"x","timer":5})";
                 }) +
        R"(,{"name":"last"}]})";
    const ParsedConfiguration parsed = parse(text);
    EXPECT_EQ(parsed.warnings, 2000u);
    EXPECT_THAT(messages(parsed, Severity::error), ElementsAre(HasSubstr("task \"last\"")));
    EXPECT_THAT(messages(parsed, Severity::warning), SizeIs(1000));
}

TEST(Limits, TwoHundredThousandTasksAreTaken) {
    const std::string text =
        "{\"scripts\":[" +
        repeated(
            200'000,
            [](auto i) { return R"({"name":"t)" + std::to_string(i) + R"(","command":"x"})"; }) +
        "]}";
    const ParsedConfiguration parsed = parse(text);
    ASSERT_TRUE(parsed.configuration);
    EXPECT_THAT(parsed.configuration->tasks, SizeIs(200'000));
    EXPECT_EQ(parsed.configuration->tasks.back()->name, "t199999");
}

}  // namespace
}  // namespace bansuri
