// SPDX-License-Identifier: MIT
//
// What keys mean together: defaults, names, schedules, dependencies, and the warnings.
#include <gmock/gmock.h>

#include "core/config/cron_advice.hpp"
#include "core/config/task_rules.hpp"
#include "unit/core/config/parsing.hpp"

namespace bansuri {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// A file with these defaults and one task with these members more than name and command.
std::string with_defaults(std::string_view defaults, std::string_view members, bool late = false) {
    const std::string scripts = R"("scripts": [{"name": "t", "command": "x")" +
                                (members.empty() ? std::string() : ", " + std::string(members)) +
                                "}]";
    const std::string rest = "\"defaults\": {" + std::string(defaults) + "}";
    return late ? "{" + scripts + ", " + rest + "}" : "{" + rest + ", " + scripts + "}";
}

TEST(Defaults, HoldForEachTaskThatDoesNotSetTheKey) {
    for (const bool late : {false, true}) {
        SCOPED_TRACE(late ? "behind the tasks" : "before the tasks");
        const Task task = first_task(with_defaults(
            R"("timeout": "1m", "stop-timeout": "2s", "on-fail": "restart", "times": 3)",
            R"("timeout": "9s")", late));
        EXPECT_EQ(task.time_limit, 9s);
        EXPECT_EQ(task.stop_timeout, 2s);
        EXPECT_EQ(task.retry.attempts, 3u);
    }
}

TEST(Defaults, BehindTheTasksEscapedAreFoundToo) {
    const Task task = first_task(
        R"({"scripts": [{"name": "t", "command": "x"}], "d\u0065faults": {"timeout": 5}})");
    EXPECT_EQ(task.time_limit, 5s);
}

TEST(Defaults, OfTheRootZoneHoldAlsoBehindTheTasks) {
    const Task task = first_task(
        R"({"scripts": [{"name": "t", "command": "x", "schedule-cron": "@daily"}],
            "timezone": "Asia/Tokyo"})");
    EXPECT_EQ(std::get<CronSchedule>(task.schedule).zone().name(), "Asia/Tokyo");
}

TEST(Defaults, OfZonesTheTasksOwnWins) {
    const Task own = first_task(
        R"({"timezone": "Asia/Tokyo", "defaults": {"timezone": "America/New_York"}, "scripts": [
            {"name": "t", "command": "x", "schedule-cron": "@daily", "timezone": "UTC"}]})");
    EXPECT_EQ(std::get<CronSchedule>(own.schedule).zone().name(), "UTC");
    const Task of_defaults = first_task(
        R"({"timezone": "Asia/Tokyo", "defaults": {"timezone": "America/New_York"}, "scripts": [
            {"name": "t", "command": "x", "schedule-cron": "@daily"}]})");
    EXPECT_EQ(std::get<CronSchedule>(of_defaults.schedule).zone().name(), "America/New_York");
}

TEST(Warnings, TellOfAlertsThatNobodyWouldHear) {
    EXPECT_THAT(messages(parse(R"({"scripts": [], "alerts": true})"), Severity::warning),
                ElementsAre(HasSubstr("it has no effect without \"notify_command\"")));
    EXPECT_THAT(messages(parse(R"({"scripts": [], "alerts": true, "notify_command": "x"})"),
                         Severity::warning),
                IsEmpty());
    EXPECT_THAT(messages(parse(R"({"scripts": [], "alerts": false})"), Severity::warning),
                IsEmpty());
}

TEST(Defaults, OfObjectsAreMergedAndOfListsReplaced) {
    const Task task = first_task(with_defaults(
        R"("environment": {"A": "1", "B": "1"}, "restart-backoff": {"factor": 3, "jitter": 0.5},
           "tags": ["x", "y"], "success-codes": [1])",
        R"("environment": {"B": "2", "C": "2"}, "restart-backoff": {"factor": 4}, "tags": ["z"],
           "success-codes": [2])"));
    EXPECT_EQ(task.command.environment,
              (std::map<std::string, std::string>{{"A", "1"}, {"B", "2"}, {"C", "2"}}));
    EXPECT_EQ(task.retry.backoff, (Backoff{4.0, 1min, 0.5}));
    EXPECT_EQ(task.tags, std::vector<std::string>{"z"});
    EXPECT_EQ(task.success_codes.to_ulong() & 7, 4u);
}

TEST(Defaults, GiveWayToTheTasksOwnAlternative) {
    EXPECT_EQ(
        first_task(with_defaults(R"("timer": "5m")", R"("schedule-cron": "@reboot")")).schedule,
        Schedule(Once{}));
    EXPECT_EQ(
        first_task(with_defaults(R"("schedule-cron": "@daily")", R"("timer": "5m")")).schedule,
        Schedule(Timer{5min}));
    EXPECT_EQ(
        first_task(with_defaults(R"("on-fail": "restart", "times": 3)", R"("max-attempts": 5)"))
            .retry.attempts,
        5u);
}

TEST(Defaults, RelativePathsStartAtTheTasksDirectory) {
    const Task task = first_task(with_defaults(R"("stdout": "log", "working-directory": "w")",
                                               R"("working-directory": "/v")"));
    EXPECT_EQ(task.command.standard_output.path, "/v/log");
}

TEST(Defaults, AreCheckedOnceAndWithTheirOwnName) {
    EXPECT_THAT(
        errors_of(with_defaults(R"("timer": "5x", "name": "a", "command": "x", "version": "1.0",
                                           "timout": 3, "restart-backoff": {"max": 0})",
                                "")),
        ElementsAre(HasSubstr(R"(key "defaults.timer": value "5x": it is not a duration)"),
                    HasSubstr(R"(key "defaults.name": it cannot be a default)"),
                    HasSubstr(R"(key "defaults.command": it cannot be a default)"),
                    HasSubstr(R"(key "defaults.version": it is a key of the root)"),
                    HasSubstr(R"(key "defaults.timout": unknown key; did you mean "timeout"?)"),
                    HasSubstr(R"(key "defaults.restart-backoff.max": value 0)")));
    EXPECT_THAT(errors_of(with_defaults(R"("timer": 5, "schedule-cron": "@daily")", "")),
                ElementsAre(HasSubstr(R"(key "defaults.schedule-cron")")));
    EXPECT_THAT(errors_of(with_defaults(R"("notify": "mail")", "")),
                ElementsAre(HasSubstr(R"(key "defaults.notify": value "mail": the root has no)")));
}

TEST(Rules, ExcludeKeysThatContradictEachOther) {
    EXPECT_THAT(errors_of(with_key(R"("timer": 5, "schedule-cron": "@daily")")),
                ElementsAre(AllOf(HasSubstr(R"(key "schedule-cron": value "@daily")"),
                                  HasSubstr(R"(it stands together with "timer" at 1:82)"))));
    EXPECT_THAT(errors_of(with_key(R"("max-attempts": 5, "times": 5)")),
                ElementsAre(HasSubstr("keep one: they are the same key")));
}

TEST(Rules, NamesAreUniqueWhereverTheyStand) {
    EXPECT_THAT(errors_of("{\"scripts\": [\n{\"name\": \"a\", \"command\": \"x\"},\n"
                          "{\"name\": \"b\", \"command\": \"x\"},\n"
                          "{\"name\": \"\\u0061\", \"command\": \"x\"}]}"),
                ElementsAre(R"(f:4:10: error: task "a": key "name": value "\u0061": another task )"
                            "has this name, at 2:10; rename one of them"));
}

TEST(Rules, NotifyNeedsANotifyCommandWhereverItStands) {
    EXPECT_THAT(errors_of(R"({"scripts": [{"name": "a", "command": "x", "notify": "mail"}]})"),
                ElementsAre(HasSubstr("task \"a\": key \"notify\": value \"mail\": the root has no "
                                      "notify_command")));
    EXPECT_THAT(errors_of(R"({"scripts": [{"name": "a", "command": "x", "notify": "mail"}],
                              "notify_command": "mail"})"),
                IsEmpty());
    EXPECT_THAT(errors_of(R"({"scripts": [{"name": "a", "command": "x", "notify": "none"}]})"),
                IsEmpty());
}

TEST(Rules, AllErrorsAreReportedAtOnceInTheOrderOfTheFile) {
    EXPECT_THAT(errors_of("{\"version\": 2,\n \"scripts\": [\n"
                          "  {\"name\": \"a\", \"command\": \"\", \"timer\": 0, \"tags\": 1},\n"
                          "  7,\n"
                          "  {\"name\": \"a\", \"command\": \"x\", \"uuid\": 1}],\n"
                          " \"tz\": \"UTC\"}"),
                ElementsAre(HasSubstr("f:1:13:"), HasSubstr("f:3:28:"), HasSubstr("f:3:41:"),
                            HasSubstr("f:3:52:"), HasSubstr("f:4:3:"), HasSubstr("f:5:12:"),
                            HasSubstr("f:5:33:"), HasSubstr("f:6:2:")));
}

TEST(Rules, DependenciesAreKnownAndFreeOfCircles) {
    const auto errors = [](std::string_view tasks) {
        std::vector<std::string> found;
        const std::string text = "{\"scripts\": [" + std::string(tasks) + "]}";
        for (const Diagnostic& diagnostic : parse(text).diagnostics) {
            if (diagnostic.code == ErrorCode::config_invalid) found.push_back(diagnostic.reason);
        }
        return found;
    };
    EXPECT_THAT(errors(R"({"name": "a", "command": "x", "depends-on": ["b"]},
                          {"name": "b", "command": "x"})"),
                IsEmpty());
    EXPECT_THAT(errors(R"({"name": "a", "command": "x", "depends-on": ["b", "c"]})"),
                ElementsAre("no task is named \"b\"", "no task is named \"c\""));
    EXPECT_THAT(errors(R"({"name": "a", "command": "x", "depends-on": ["a"]})"),
                ElementsAre("the tasks wait for each other: a -> a"));
    EXPECT_THAT(errors(R"({"name": "z", "command": "x", "depends-on": ["a"]},
                          {"name": "a", "command": "x", "depends-on": ["b"]},
                          {"name": "b", "command": "x", "depends-on": ["c"]},
                          {"name": "c", "command": "x", "depends-on": ["a"]})"),
                ElementsAre("the tasks wait for each other: a -> b -> c -> a"));
    EXPECT_THAT(errors(R"({"name": "a", "command": "x", "depends-on": ["b", "c"]},
                          {"name": "b", "command": "x", "depends-on": ["d"]},
                          {"name": "c", "command": "x", "depends-on": ["d"]},
                          {"name": "d", "command": "x"})"),
                IsEmpty());
}

TEST(Rules, AChainOfAllTasksIsNoCircleAndNoStackOverflow) {
    std::string text = "{\"scripts\": [{\"name\": \"0\", \"command\": \"x\"}";
    for (int i = 1; i < 100'000; ++i) {
        text += ",{\"name\":\"" + std::to_string(i) + "\",\"command\":\"x\",\"depends-on\":[\"" +
                std::to_string(i - 1) + "\"]}";
    }
    const ParsedConfiguration parsed = parse(text + "]}");
    EXPECT_EQ(parsed.errors, 99'999u);
    EXPECT_EQ(parsed.diagnostics.at(0).code, ErrorCode::not_available);
}

TEST(Warnings, TellWhatIsUnwise) {
    struct Row {
        const char* member;
        const char* message;  // empty: no warning
    };
    const Row rows[] = {
        {R"("timer": 5)", R"(key "on-fail": one failure then ends its schedule)"},
        {R"("schedule-cron": "@daily", "on-fail": "stop")",
         R"(key "on-fail": value "stop": one failure then ends its schedule)"},
        {R"("timer": 5, "on-fail": "continue")", ""},
        {R"("timer": 5, "on-fail": "restart")", ""},
        {R"("on-fail": "stop")", ""},
        {R"("schedule-cron": "@reboot")", ""},
        {R"("schedule-cron": "0 0 13 * 5", "on-fail": "continue")",
         "day and weekday are both restricted"},
        {R"("schedule-cron": "*/7 * * * *", "on-fail": "continue")",
         "the minute step 7 does not divide 60"},
        {R"("times": 3)", R"(it has no effect without "on-fail": "restart")"},
        {R"("max-attempts": 3, "on-fail": "continue")", "it has no effect"},
        {R"("restart-delay": 3)", "it has no effect"},
        {R"("restart-backoff": {})", "it has no effect"},
        {R"("on-exhausted": "continue")", "it has no effect"},
        {R"("on-fail": "restart", "on-exhausted": "continue")",
         "it has no effect without a limit of attempts"},
        {R"("on-fail": "restart", "times": 2, "on-exhausted": "continue")", ""},
        {R"("kill-grace": 3)", "it has no effect without \"timeout\""},
        {R"("timezone": "UTC")", "it has no effect without a cron expression"},
        {R"("catch-up": "latest")", "it has no effect without a schedule"},
        {R"("catch-up-window": "6h")", "it has no effect without a schedule"},
        {R"("timer": 5, "on-fail": "continue", "catch-up-window": "6h")",
         "it has no effect without \"catch-up\""},
        {R"("schedule-cron": "@daily", "on-fail": "continue", "catch-up": "none",
            "catch-up-window": "6h")",
         "it has no effect without \"catch-up\""},
        {R"("schedule-cron": "@daily", "on-fail": "continue", "catch-up": "all",
            "catch-up-window": "6h")",
         ""},
        {R"("timer": 5, "on-fail": "continue", "catch-up": "latest")", ""},
        {R"("on-lost": "restart")", ""},
        {R"("notify-after": 3)", "it has no effect without \"notify\""},
        {R"("notify": "mail", "notify-after": 3)", ""},
        {R"("notify": "mail", "notify-threshold": 3)", "it has no effect without \"notify-mode\""},
        {R"("jitter": 3)", "it has no effect without a schedule"},
        {R"("timer": 5, "on-fail": "continue", "jitter": 5)", ""},
        {R"("timer": 5, "on-fail": "continue", "jitter": 6)",
         "it is longer than the interval, and no instant is delayed beyond the next"},
        {R"("notify-remind": 3)", "it has no effect without \"notify\""},
        {R"("notify": "mail", "notify-remind": 3)",
         "it has no effect without \"notify-mode\": \"incident\""},
        {R"("notify": "mail", "notify-mode": "incident", "notify-remind": 3)", ""},
        {R"("notify": "mail", "notify-mode": "incident", "notify-on-recovery": true)",
         "it has no effect with \"notify-mode\": \"incident\""},
        {R"("expect-within": 3)", ""},
        {R"("stdout": "~/log")", "~ is not expanded"},
        {R"("working-directory": "~")", "~ is not expanded"},
        {R"("stdout": "~log")", ""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.member);
        const ParsedConfiguration parsed = parse(with_key(row.member));
        EXPECT_TRUE(parsed.configuration);
        if (*row.message == '\0') {
            EXPECT_EQ(all_messages(parsed), "");
        } else {
            EXPECT_THAT(messages(parsed, Severity::warning), ElementsAre(HasSubstr(row.message)));
        }
    }
}

TEST(Warnings, AboutInheritedKeysStandAtTheDefaultsOrNowhere) {
    EXPECT_THAT(warnings_of(with_defaults(R"("schedule-cron": "*/7 * * * *", "on-fail": "continue",
                                             "kill-grace": 3, "times": 5)",
                                          "")),
                ElementsAre(HasSubstr("key \"defaults.schedule-cron\"")));
}

TEST(CronAdvice, KnowsStepsThatDoNotDivide) {
    struct Row {
        const char* expression;
        std::size_t warnings;
    };
    const Row rows[] = {
        {"*/5 * * * *", 0},   {"*/7 * * * *", 1},   {"0 */5 * * *", 1},   {"0 */6 * * *", 0},
        {"*/7 */5 * * *", 2}, {"0 0 */2 * *", 0},   {"0 0 1 */5 *", 1},   {"*/45 * * * * *", 1},
        {"0 0 1 * MON", 1},   {"0 0 ? * MON", 0},   {"0 0 */2 * MON", 0}, {"10-50/7 * * * *", 0},
        {"@daily", 0},        {"0,*/7 * * * *", 1}, {"*/60 * * * *", 0},  {" 0  0 1 * 1 ", 1},
    };
    for (const Row& row : rows) {
        EXPECT_THAT(config::advise_on_cron(row.expression), SizeIs(row.warnings)) << row.expression;
    }
}

TEST(Resolve, KeepsAbsolutePathsAndJoinsRelativeOnes) {
    struct Row {
        const char* path;
        const char* directory;
        const char* result;
    };
    const Row rows[] = {
        {"/a//b/./c/", "/x", "/a/b/c"},
        {"b", "/x/", "/x/b"},
        {"", "/x", "/x"},
        {".", "/x", "/x"},
        {"../b", "/x", "/x/../b"},
        {"/", "/x", "/"},
        {".", "/", "/"},
        {"~/b", "/x", "/x/~/b"},
        {"..b/.c", "/x", "/x/..b/.c"},
    };
    for (const Row& row : rows) {
        EXPECT_EQ(config::resolve(row.path, row.directory), row.result) << row.path;
    }
}

}  // namespace
}  // namespace bansuri
