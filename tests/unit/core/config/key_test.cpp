// SPDX-License-Identifier: MIT
//
// Each key: what it takes, what it makes of it, and what it refuses.
#include <gmock/gmock.h>

#include <functional>

#include "core/config/key_table.hpp"
#include "unit/core/config/parsing.hpp"

namespace bansuri {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST(Keys, ATaskNeedsANameAndACommandOnly) {
    const Task task = first_task(R"({"scripts": [{"name": "t", "command": "date"}]})");
    Task expected;
    expected.name = "t";
    expected.command.line = "date";
    expected.command.working_directory = "/etc/bansuri";
    EXPECT_EQ(task, expected);
}

TEST(Keys, AreStored) {
    struct Row {
        const char* member;
        std::function<bool(const Task&)> holds;
    };
    using Kind = OutputTarget::Kind;
    const Row rows[] = {
        {R"("description": "é \"x\"")", [](auto& t) { return t.description == "é \"x\""; }},
        {R"("description": "")", [](auto& t) { return t.description.empty(); }},
        {R"("tags": ["a", "b"])",
         [](auto& t) {
             return t.tags == std::vector<std::string>{"a", "b"};
         }},
        {R"("tags": [])", [](auto& t) { return t.tags.empty(); }},
        {R"("enabled": false)", [](auto& t) { return !t.enabled; }},
        {R"("timer": 30)", [](auto& t) { return t.schedule == Schedule(Timer{30s}); }},
        {R"("timer": "30")", [](auto& t) { return t.schedule == Schedule(Timer{30s}); }},
        {R"("timer": "4m30s")", [](auto& t) { return t.schedule == Schedule(Timer{270s}); }},
        {R"("timer": 0.5)", [](auto& t) { return t.schedule == Schedule(Timer{500ms}); }},
        {R"("schedule-cron": "0 2 * * *", "timezone": "Europe/Berlin")",
         [](auto& t) {
             return std::get<CronSchedule>(t.schedule).zone().name() == "Europe/Berlin";
         }},
        {R"("schedule-cron": "@daily")",
         [](auto& t) { return std::holds_alternative<CronSchedule>(t.schedule); }},
        {R"("schedule-cron": "@reboot")", [](auto& t) { return t.schedule == Schedule(Once{}); }},
        {R"("overlap": "skip")", [](auto& t) { return t.overlap == Overlap::skip; }},
        {R"("overlap": "queue")", [](auto& t) { return t.overlap == Overlap::queue; }},
        {R"("overlap": "allow")", [](auto& t) { return t.overlap == Overlap::allow; }},
        {R"("overlap": "replace")", [](auto& t) { return t.overlap == Overlap::replace; }},
        {R"("timer": 5, "catch-up": "none")",
         [](auto& t) { return t.catch_up == CatchUp::none && t.catch_up_window == 24h; }},
        {R"("timer": 5, "catch-up": "latest")",
         [](auto& t) { return t.catch_up == CatchUp::latest; }},
        {R"("timer": 5, "catch-up": "all", "catch-up-window": "6h")",
         [](auto& t) { return t.catch_up == CatchUp::all && t.catch_up_window == 6h; }},
        {R"("timer": 60, "jitter": "30s")", [](auto& t) { return t.jitter == 30s; }},
        {R"("timer": 60, "jitter": 0)", [](auto& t) { return t.jitter == 0s; }},
        {R"("timeout": "10m")", [](auto& t) { return t.time_limit == 10min; }},
        {R"("timeout": 5, "kill-grace": "2s")", [](auto& t) { return t.kill_grace == 2s; }},
        {R"("timeout": 5, "kill-grace": 0)", [](auto& t) { return t.kill_grace == 0s; }},
        {R"("stop-timeout": "1m")", [](auto& t) { return t.stop_timeout == 1min; }},
        {R"("stop-timeout": 0)", [](auto& t) { return t.stop_timeout == 0s; }},
        {R"("on-fail": "stop")",
         [](auto& t) { return t.on_fail == OnFail::stop && t.retry.attempts == 1; }},
        {R"("on-fail": "restart")",
         [](auto& t) { return t.on_fail == OnFail::restart && t.retry.attempts == 0; }},
        {R"("on-fail": "continue")",
         [](auto& t) { return t.on_fail == OnFail::go_on && t.retry.attempts == 1; }},
        {R"("on-fail": "ignore")", [](auto& t) { return t.on_fail == OnFail::go_on; }},
        {R"("on-fail": "restart", "times": 3)", [](auto& t) { return t.retry.attempts == 3; }},
        {R"("on-fail": "restart", "max-attempts": 3.0)",
         [](auto& t) { return t.retry.attempts == 3; }},
        {R"("on-fail": "restart", "times": 0)", [](auto& t) { return t.retry.attempts == 0; }},
        {R"("times": 3)", [](auto& t) { return t.retry.attempts == 1; }},
        {R"("max-runs": 10)", [](auto& t) { return t.max_runs == 10u; }},
        {R"("on-exhausted": "continue")",
         [](auto& t) { return t.on_exhausted == OnExhausted::go_on; }},
        {R"("restart-delay": "10s")", [](auto& t) { return t.retry.delay == 10s; }},
        {R"("restart-delay": 0)", [](auto& t) { return t.retry.delay == 0s; }},
        {R"("restart-backoff": {"factor": 1, "max": "5m", "jitter": 1})",
         [](auto& t) {
             return t.retry.backoff == Backoff{1.0, 5min, 1.0};
         }},
        {R"("restart-backoff": {})", [](auto& t) { return t.retry.backoff == Backoff{}; }},
        {R"("restart-backoff": {"factor": 1.5})",
         [](auto& t) {
             return t.retry.backoff == Backoff{1.5, 1min, 0.0};
         }},
        {R"("success-codes": [3, 255])",
         [](auto& t) {
             return t.success_codes.count() == 2 && t.success_codes[3] && t.success_codes[255];
         }},
        {R"("working-directory": "/srv")",
         [](auto& t) { return t.command.working_directory == "/srv"; }},
        {R"("working-directory": "data/./x//y/")",
         [](auto& t) { return t.command.working_directory == "/etc/bansuri/data/x/y"; }},
        {R"("working-directory": "..")",
         [](auto& t) { return t.command.working_directory == "/etc/bansuri/.."; }},
        {R"("working-directory": "/")", [](auto& t) { return t.command.working_directory == "/"; }},
        {R"("environment": {"A": "1", "EMPTY": "", "a.b c": "x=y"})",
         [](auto& t) {
             return t.command.environment ==
                    std::map<std::string, std::string>{{"A", "1"}, {"EMPTY", ""}, {"a.b c", "x=y"}};
         }},
        {R"("clean-environment": true)", [](auto& t) { return t.command.clean_environment; }},
        {R"("environment-file": "-a.env", "working-directory": "/srv")",
         [](auto& t) {
             return t.command.isolation->environment_files ==
                    std::vector<EnvironmentFile>{{"/srv/a.env", false}};
         }},
        {R"("environment-file": ["/a.env", "b.json"])",
         [](auto& t) {
             return t.command.isolation->environment_files ==
                    std::vector<EnvironmentFile>{{"/a.env", true}, {"/etc/bansuri/b.json", true}};
         }},
        {R"("user": "www-data", "group": "adm")",
         [](auto& t) {
             return t.command.isolation->user == "www-data" && t.command.isolation->group == "adm";
         }},
        {R"("priority": -20)", [](auto& t) { return t.command.isolation->priority == -20; }},
        {R"("umask": "0027")", [](auto& t) { return t.command.isolation->umask == 027U; }},
        {R"("umask": "777")", [](auto& t) { return t.command.isolation->umask == 0777U; }},
        {R"("secrets": ["B", "A", "B"])",
         [](auto& t) {
             return t.command.isolation->secrets == std::vector<std::string>{"A", "B"};
         }},
        {R"("limits": {"memory": "1M", "cpu": 1.5, "processes": 50, "open-files": 100,
             "file-size": 0, "core": 0, "cpu-time": "1500ms"})",
         [](auto& t) {
             const ResourceLimits& limits = t.command.isolation->limits;
             return limits == ResourceLimits{1'000'000, 1.5, 50, 100, 0, 0, 1500ms};
         }},
        {R"("limits": {})",
         [](auto& t) { return t.command.isolation->limits == ResourceLimits{}; }},
        {R"("stdout": "out.log", "working-directory": "/srv")",
         [](auto& t) {
             return t.command.standard_output == OutputTarget{Kind::file, "/srv/out.log"};
         }},
        {R"("stdout": "out.log")",
         [](auto& t) {
             return t.command.standard_error == OutputTarget{Kind::combined, {}};
         }},
        {R"("stdout": "ignore")",
         [](auto& t) {
             return t.command.standard_output == OutputTarget{Kind::ignore, {}} &&
                    t.command.standard_error == OutputTarget{Kind::combined, {}};
         }},
        {R"("stdout": "/o", "stderr": "./e")",
         [](auto& t) {
             return t.command.standard_error == OutputTarget{Kind::file, "/etc/bansuri/e"};
         }},
        {R"("stderr": "combined")",
         [](auto& t) {
             return t.command.standard_output.kind == Kind::capture &&
                    t.command.standard_error.kind == Kind::combined;
         }},
        {R"("stderr": "ignore")",
         [](auto& t) { return t.command.standard_error.kind == Kind::ignore; }},
        {R"("stdout": "./ignore")",
         [](auto& t) { return t.command.standard_output.path == "/etc/bansuri/ignore"; }},
        {R"("output-limit": "64KiB")", [](auto& t) { return t.command.output_limit == 65536; }},
        {R"("output-limit": 0)", [](auto& t) { return t.command.output_limit == 0; }},
        {R"("notify": "none")", [](auto& t) { return !t.notify.enabled; }},
        {R"("notify": "mail")", [](auto& t) { return t.notify.enabled; }},
        {R"("notify": "command")", [](auto& t) { return t.notify.enabled; }},
        {R"("notify-after": "10m")", [](auto& t) { return t.notify.hold_back == 10min; }},
        {R"("notify-mode": "after-fail")",
         [](auto& t) { return t.notify.mode == NotifyMode::after_fail; }},
        {R"("notify-mode": "on-exhausted")",
         [](auto& t) { return t.notify.mode == NotifyMode::on_exhausted; }},
        {R"("notify-mode": "after-many", "notify-threshold": 5)",
         [](auto& t) {
             return t.notify.mode == NotifyMode::after_many && t.notify.threshold == 5;
         }},
        {R"("notify-on-recovery": true)", [](auto& t) { return t.notify.on_recovery; }},
        {R"("notify": "mail", "notify-mode": "incident", "notify-remind": "12h")",
         [](auto& t) { return t.notify.mode == NotifyMode::incident && t.notify.remind == 12h; }},
        {R"("notify-mode": "incident")", [](auto& t) { return t.notify.remind == 24h; }},
        {R"("expect-within": "26h")", [](auto& t) { return t.expect_within == 26h; }},
        {R"("heartbeat": "https://example.org/ping?x=1")",
         [](auto& t) { return t.heartbeat == "https://example.org/ping?x=1"; }},
        {R"("survive": "daemons")", [](auto& t) { return t.survive == Survive::daemons; }},
        {R"("survive": "none")", [](auto& t) { return t.survive == Survive::none; }},
        {R"("survive": "all")", [](auto& t) { return t.survive == Survive::all; }},
        {R"("on-lost": "stop")", [](auto& t) { return t.on_lost == OnLost::stop; }},
        {R"("on-lost": "restart")", [](auto& t) { return t.on_lost == OnLost::restart; }},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.member);
        EXPECT_TRUE(row.holds(task_with(row.member)));
    }
}

TEST(Keys, RefuseWhatTheyCannotTake) {
    struct Row {
        const char* member;
        const char* message;  // behind the value
    };
    const Row rows[] = {
        {R"("description": 5)", "value 5: it must be a string; put it in quotes"},
        {R"("description": null)",
         "value null: it must be a string; give it a value, or remove the key"},
        {R"("description": "a\u0000")", R"(it holds a NUL character; remove \u0000)"},
        {R"("tags": "x")", R"(it must be a list of strings; write for example ["backup")"},
        {R"("tags": ["x", 1])", "value 1: it must be a string; put it in quotes"},
        {R"("tags": [" "])", "it is blank"},
        {R"("enabled": "true")",
         "it must be true or false; write it without quotes, for example false"},
        {R"("enabled": 1)", "it must be true or false"},
        {R"("timer": 0)", "value 0: it must not be zero; write for example \"5m\""},
        {R"("timer": "0s")", "it must not be zero"},
        {R"("timer": 0.00001)", "it must be a duration of at least 1ms"},
        {R"("timer": -5)", "value -5: it is not a duration: it is negative"},
        {R"("timer": "-5s")", "it is not a duration: it is negative"},
        {R"("timer": "5x")", "it is not a duration: unknown unit \"x\"; write 30s, 5m or 1h30m"},
        {R"("timer": "")", "it is not a duration: it is empty"},
        {R"("timer": true)", "it must be a duration"},
        {R"("timer": 1e30)", "it is not a duration: it is longer than 100 years"},
        {R"("timer": 99999999999999999999999999)", "it is longer than 100 years"},
        {R"("schedule-cron": "* * * *")", "it has 4 fields"},
        {R"("schedule-cron": "61 * * * *")", "minute field"},
        {R"("schedule-cron": "0 0 31 2 *")", "it can never be due"},
        {R"("schedule-cron": "@sometimes")", "@"},
        {R"("schedule-cron": "")", "value \"\": "},
        {R"("schedule-cron": 5)", "it must be a string"},
        {R"("timezone": "Europe/Berln")", "no time zone \"Europe/Berln\""},
        {R"("timezone": "../../etc/passwd")", "no time zone"},
        {R"("timezone": "")", "no time zone"},
        {R"("overlap": "both")",
         R"(it is none of the known words; write "skip", "queue", "allow" or "replace")"},
        {R"("overlap": 1)", "it must be a string; write \"skip\""},
        {R"("timeout": 0)", "it must not be zero"},
        {R"("kill-grace": "-1")", "it is negative"},
        {R"("stop-timeout": [])", "it must be a duration"},
        {R"("on-fail": "Stop")", "it is none of the known words"},
        {R"("times": -1)", "it must be a whole number from 0 to 1000000000"},
        {R"("times": 1.5)", "it must be a whole number"},
        {R"("times": "3")", "write it without quotes, for example 3"},
        {R"("times": 99999999999999999999)", "it must be a whole number"},
        {R"("times": 18446744073709551615)", "it must be a whole number"},
        {R"("max-attempts": true)", "it must be a whole number"},
        {R"("max-runs": 0)", "it must be a whole number from 1"},
        {R"("on-exhausted": "restart")", R"(write "stop" or "continue")"},
        {R"("restart-delay": "soon")", "it is not a duration"},
        {R"("restart-backoff": 2)", R"(it must be an object with "factor", "max", "jitter")"},
        {R"("restart-backoff": {"factor": 0.5})",
         R"(key "restart-backoff.factor": value 0.5: it must be a number from 1 to 1000)"},
        {R"("restart-backoff": {"max": 0})",
         R"("restart-backoff.max": value 0: it must not be zero)"},
        {R"("restart-backoff": {"jitter": 1.1})", "it must be a number from 0 to 1"},
        {R"("restart-backoff": {"fctor": 2})",
         R"("restart-backoff.fctor": unknown key; did you mean "factor"?)"},
        {R"("success-codes": [])", "the list must not be empty; write for example [0, 75]"},
        {R"("success-codes": [256])", "value 256: it must be a whole number from 0 to 255"},
        {R"("success-codes": [-1])", "it must be a whole number from 0 to 255"},
        {R"("success-codes": ["0"])", "write it without quotes"},
        {R"("success-codes": 0)", "it must be a list of whole numbers"},
        {R"("working-directory": "")", "the path is empty"},
        {R"("working-directory": "a\u0000b")", "it holds a NUL character"},
        {R"("environment": {"A": 1})",
         R"(key "environment.A": value 1: it must be a string; put it in quotes)"},
        {R"("environment": {"A": null})", R"("environment.A": value null: it must be a string)"},
        {R"("environment": {"": "x"})", "a variable has no name"},
        {R"("environment": {"A=B": "x"})", R"(the name of a variable holds "=")"},
        {R"("environment": {"A": "x\u0000"})", "it holds a NUL character"},
        {R"("environment": ["A=1"])", "it must be an object of strings"},
        {R"("clean-environment": "no")", "it must be true or false"},
        {R"("stdout": "combined")",
         R"(only stderr can be combined with the other stream; write a path here, and "stderr": "combined")"},
        {R"("stdout": "")", "the path is empty"},
        {R"("stderr": 2)", "it must be a string"},
        {R"("output-limit": "10 parsecs")", "it is not a size: unknown unit"},
        {R"("output-limit": -1)", "it must be a number of bytes"},
        {R"("output-limit": 1e30)", "it must be a number of bytes"},
        {R"("output-limit": "9999999999T")", "it is too large"},
        {R"("notify": "pager")", R"(write "none", "mail" or "command")"},
        {R"("notify-after": -1)", "it is negative"},
        {R"("notify-mode": "never")", "it is none of the known words"},
        {R"("notify-threshold": 0)", "it must be a whole number from 1"},
        {R"("notify-on-recovery": "yes")", "it must be true or false"},
        {R"("survive": "some")", R"(write "daemons", "none" or "all")"},
        {R"("catch-up": "some")", R"(write "none", "latest" or "all")"},
        {R"("catch-up-window": 0)", "it must not be zero"},
        {R"("on-lost": "ignore")", R"(write "stop" or "restart")"},
        // Values of keys that are not available yet are checked like all others.
        {R"("jitter": "x")", "is not a number"},
        {R"("depends-on": "a")", "it must be a list of strings"},
        {R"("depends-on": [".x"])", "a name must not begin with a dot"},
        {R"("environment-file": [""])", "the path is empty"},
        {R"("user": " ")", "it is blank"},
        {R"("group": 0)", "it must be a string"},
        {R"("priority": 20)", "it must be a whole number from -20 to 19"},
        {R"("umask": "0999")", "it is not a file mode mask; write octal digits as in \"0022\""},
        {R"("umask": 22)", "it must be a string; put it in quotes"},
        {R"("limits": {"memory": 0})", "key \"limits.memory\": value 0: it is too small"},
        {R"("limits": {"cpu": "1"})", "key \"limits.cpu\""},
        {R"("limits": {"ram": 1})", "key \"limits.ram\": unknown key"},
        {R"("jitter": -1)", "it is negative"},
        {R"("notify-remind": 0)", "it must not be zero"},
        {R"("expect-within": 0)", "it must not be zero"},
        {R"("expect-within": "x")", "it is not a duration"},
        {R"("heartbeat": "ftp://x")", "it is not a web address"},
        {R"("heartbeat": "http:///x")", "it is not a web address"},
        {R"("secrets": ["A=B"])", R"(holds "=")"},
        {R"("parameters": [])", "it must be an object"},
        {R"("python-path": "lib")", "it must be a list of strings"},
        {R"("warm": 1)", "it must be true or false"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.member);
        EXPECT_THAT(errors_of(with_key(row.member)), ElementsAre(HasSubstr(row.message)));
    }
}

TEST(Keys, ANameIsWhatTheContractSays) {
    const auto errors = [](std::string_view name) {
        return errors_of(file_with("\"command\": \"x\", \"name\": \"" + std::string(name) + "\""));
    };
    for (const auto& good : {std::string("a"), std::string("A.b_c:d@e+f-g h 9"), std::string("-"),
                             std::string("_x "), std::string(128, 'n')}) {
        EXPECT_THAT(errors(good), IsEmpty()) << good;
    }
    struct Row {
        std::string name;
        const char* reason;
    };
    const Row rows[] = {
        {"", "the name is empty"},
        {".hidden", "a name must not begin with a dot"},
        {" a", "a name must not begin with a blank"},
        {std::string(129, 'n'), "the name is longer than 128 characters"},
        {"a/b", "a name must not hold \"/\""},
        {"é", "letters beyond a-z"},
        {R"(a\nb)", "control characters"},
        {R"(a\u0000b)", "control characters"},
        {"a{b}", "a name must not hold \"{\""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.name);
        EXPECT_THAT(errors(row.name), ElementsAre(HasSubstr(row.reason)));
    }
}

TEST(Keys, ACommandIsNotBlankAndFitsTheKernel) {
    const auto errors = [](std::string_view command) {
        return errors_of(
            file_with("\"name\": \"a\", \"command\": \"" + std::string(command) + "\""));
    };
    EXPECT_THAT(errors(std::string(131'071, 'x')), IsEmpty());
    EXPECT_THAT(errors(std::string(131'072, 'x')),
                ElementsAre(HasSubstr("the command has 131072 bytes")));
    EXPECT_THAT(errors(std::string(1'000'000, 'x')),
                ElementsAre(HasSubstr("the command has 1000000 bytes")));
    EXPECT_THAT(errors(R"( \t\n)"), ElementsAre(HasSubstr("the command is blank")));
    EXPECT_THAT(errors(R"(a\u0000b)"), ElementsAre(HasSubstr("NUL")));
    EXPECT_THAT(errors_of(file_with(R"("name": "a")")),
                ElementsAre(HasSubstr("key \"command\": the task has no command")));
    EXPECT_THAT(errors_of(file_with(R"("command": "x")")),
                ElementsAre(HasSubstr("task number 1: key \"name\": the task has no name")));
    EXPECT_THAT(errors_of(file_with(R"("name": "a", "command": "x", "task": "m:C")")),
                Contains(HasSubstr("key \"task\": value \"m:C\": it stands together with "
                                   "\"command\" at 1:65; keep one of them")));
}

TEST(Keys, TheRootRefusesWhatItCannotTake) {
    struct Row {
        const char* member;
        const char* message;
    };
    const Row rows[] = {
        {R"("version": "1.1")", "reads configurations of version 1.0 only; write \"1.0\""},
        {R"("version": 1.0)", "it must be a string; put it in quotes"},
        {R"("notify_command": " ")", "the command is blank"},
        {R"("defaults": [])", "it must be an object with keys of a task"},
        {R"("timezone": "Mars")", "no time zone"},
        {R"("secrets": "A")", "it must be a list of strings"},
        {R"("alerts": "yes")", "it must be true or false"},
        {R"("retention": {"days": 0})", "key \"retention.days\": value 0"},
        {R"("retention": {"runs": 1e10})", "key \"retention.runs\": value 1e10"},
        {R"("retention": {"weeks": 1})", "key \"retention.weeks\": unknown key"},
        {R"("retention": 30)", "it must be an object with \"days\", \"runs\""},
        {R"("durability": "")", R"(write "normal" or "full")"},
        {R"("listen": 80)", "it must be a string"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.member);
        EXPECT_THAT(errors_of("{\"scripts\": [], " + std::string(row.member) + "}"),
                    ElementsAre(HasSubstr(row.message)));
    }
    EXPECT_THAT(errors_of("{}"), ElementsAre("f:1:1: error: key \"scripts\": the key is missing; "
                                             "add \"scripts\": [...]"));
    EXPECT_THAT(errors_of(R"({"scripts": {}})"),
                ElementsAre(HasSubstr("value {}: it must be a list of tasks")));
    EXPECT_THAT(errors_of(R"({"scripts": ["echo"]})"),
                ElementsAre(HasSubstr("task number 1: value \"echo\": a task must be an object")));
}

TEST(Keys, TheRootIsStored) {
    const ParsedConfiguration parsed = parse(
        R"({"version": "1.0", "notify_command": "mail", "timezone": "Asia/Tokyo", "scripts": [
            {"name": "a", "command": "x", "schedule-cron": "@daily"}]})");
    ASSERT_TRUE(parsed.configuration) << all_messages(parsed);
    EXPECT_EQ(parsed.configuration->notify_command, "mail");
    EXPECT_EQ(parsed.configuration->directory, "/etc/bansuri");
    EXPECT_EQ(parsed.configuration->zone.name(), "Asia/Tokyo");
    const Task& task = *parsed.configuration->tasks.at(0);
    EXPECT_EQ(std::get<CronSchedule>(task.schedule).zone().name(), "Asia/Tokyo");
    EXPECT_EQ(parsed.configuration->retention, Retention{});
    EXPECT_EQ(parsed.configuration->durability, Durability::normal);
    EXPECT_FALSE(parsed.configuration->alerts);
}

TEST(Keys, TheRootSaysHowTheHistoryIsKept) {
    const auto configuration = [](std::string_view member) {
        const ParsedConfiguration parsed = parse("{\"scripts\": [], " + std::string(member) + "}");
        EXPECT_TRUE(parsed.configuration) << all_messages(parsed);
        return parsed.configuration.value_or(Configuration{});
    };
    EXPECT_EQ(configuration(R"("retention": {})").retention, Retention{});
    EXPECT_EQ(configuration(R"("retention": {"days": 7})").retention, (Retention{7, 1000}));
    EXPECT_EQ(configuration(R"("retention": {"runs": 5, "days": 36500})").retention,
              (Retention{36'500, 5}));
    EXPECT_FALSE(configuration("\"alerts\": false").alerts);
    EXPECT_TRUE(configuration(R"("alerts": true, "notify_command": "x")").alerts);
    EXPECT_EQ(configuration(R"("durability": "normal")").durability, Durability::normal);
    EXPECT_EQ(configuration(R"("durability": "full")").durability, Durability::full);
}

TEST(Keys, SecretsOfTheRootHoldForEveryTaskWhereverTheyStand) {
    const std::string task = R"({"name": "t", "command": "x", "secrets": ["B"]})";
    const std::string secrets = R"("secrets": ["C", "A"])";
    for (const std::string& text : {"{\"scripts\": [" + task + "], " + secrets + "}",
                                    "{" + secrets + ", \"scripts\": [" + task + "]}"}) {
        EXPECT_EQ(first_task(text).command.isolation->secrets,
                  (std::vector<std::string>{"A", "B", "C"}))
            << text;
    }
}

TEST(Keys, DefaultsOfIsolationAreSharedUntilATaskHasItsOwn) {
    const ParsedConfiguration parsed = parse(R"({"defaults": {"user": "u", "limits": {"core": 0}},
        "scripts": [{"name": "a", "command": "x"}, {"name": "b", "command": "x"},
                    {"name": "c", "command": "x", "user": "v", "limits": {"cpu": 1}}]})");
    ASSERT_TRUE(parsed.configuration) << all_messages(parsed);
    const auto isolation = [&](std::size_t i) -> const Isolation& {
        return *parsed.configuration->tasks[i]->command.isolation;
    };
    EXPECT_EQ(&isolation(0), &isolation(1));
    EXPECT_EQ(isolation(0).user, "u");
    EXPECT_EQ(isolation(2).user, "v");
    EXPECT_EQ(isolation(2).limits.core, 0U);
    EXPECT_EQ(isolation(2).limits.cpu, 1.0);
    EXPECT_FALSE(isolation(0).limits.cpu);
}

TEST(Keys, NotAvailableYetIsRefusedWithItsOwnCode) {
    for (const config::KeyRow& row : config::task_keys()) {
        if (row.availability == config::Availability::now || row.name == "task") continue;
        SCOPED_TRACE(row.name);
        std::string text =
            with_key("\"" + std::string(row.name) + "\": " + std::string(row.example));
        if (row.name == "depends-on") text = with_key(R"("depends-on": [])");
        const ParsedConfiguration parsed = parse(text);
        EXPECT_FALSE(parsed.configuration);
        ASSERT_THAT(parsed.diagnostics, SizeIs(1)) << all_messages(parsed);
        EXPECT_EQ(parsed.diagnostics[0].code, ErrorCode::not_available);
        EXPECT_EQ(parsed.diagnostics[0].reason, "not available yet");
        EXPECT_EQ(parsed.diagnostics[0].key, row.name);
    }
    for (const config::KeyRow& row : config::root_keys()) {
        if (row.availability == config::Availability::now) continue;
        SCOPED_TRACE(row.name);
        const ParsedConfiguration parsed = parse("{\"scripts\": [], \"" + std::string(row.name) +
                                                 "\": " + std::string(row.example) + "}");
        ASSERT_THAT(parsed.diagnostics, SizeIs(1)) << all_messages(parsed);
        EXPECT_EQ(parsed.diagnostics[0].code, ErrorCode::not_available);
    }
    EXPECT_EQ(parse(file_with(R"("name": "a", "task": "m:C")")).diagnostics.at(0).code,
              ErrorCode::not_available);
}

}  // namespace
}  // namespace bansuri
