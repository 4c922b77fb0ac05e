// SPDX-License-Identifier: MIT
#include "import/python_bansuri.hpp"

#include <gmock/gmock.h>

#include "unit/import/importing.hpp"

namespace bansuri::imports {
namespace {

using ::testing::HasSubstr;

Imported imported(std::string_view text) {
    return Imported(import_python_bansuri(text, "old.json"));
}
/// A flat task with these members.
Imported flat(const std::string& members, const std::string& root = {}) {
    return imported("{" + root + "\"scripts\": [{\"name\": \"a\", \"command\": \"c\", " + members +
                    "}]} // end");
}

TEST(PythonBansuri, AFlatTaskIsCarriedOver) {
    const Imported file = flat(R"("timer": "30s", "timeout": "5m", "on-fail": "restart",
        "max-attempts": 3, "working_directory": "/srv", "stdout": "a.log", "stderr": "combined",
        "description": "d", "success-codes": [0, 2], "notify": "mail", "notify-after": "10m")",
                               R"("notify_command": "mail -s {task} me", )");
    EXPECT_EQ(file.task().dump(),
              R"({"name":"a","command":"c","description":"d","working-directory":"/srv",)"
              R"("timer":"30s","timeout":"5m","kill-grace":"2m","stop-timeout":"2m",)"
              R"("on-fail":"restart","times":3,"restart-delay":"5s","success-codes":[0,2],)"
              R"("stdout":"a.log","notify":"mail","notify-after":"10m"})");
    EXPECT_EQ(file.root()["notify_command"], "mail -s {task} me");
    EXPECT_EQ(file.root()["version"], "1.0");
}

TEST(PythonBansuri, GroupsAndTheirDefaultsAreMerged) {
    const Imported file = imported(R"({
        "version": "2.0",
        "defaults": {
            "scheduling": {"timeout": "15m", "max-runs": "2"},
            "failure-control": {"on-fail": "restart", "max-attempts": "4",
                "restart-params": {"after": "30s", "after-scheduling": "dynamic"},
                "notify": {"enabled": "true", "mode": "after-many", "after-threshold": "3",
                           "handler": "command", "handler-config": "tell all"}},
            "logging": {"stdout": "/tmp/all.log", "stderr": "$$combined"}},
        "scripts": [{
            "general": {"name": "tidy", "command": "tidy -q", "working-directory": "/srv"},
            "scheduling": {"scheduler": "timer", "params": "5m"},
            "failure-control": {"notify": {"handler-config": "tell one"}},
            "logging": {"stderr": "/tmp/e.log"}}]})");
    EXPECT_EQ(
        file.task().dump(),
        R"({"name":"tidy","command":"tidy -q","working-directory":"/srv","timer":"5m",)"
        R"("timeout":"15m","kill-grace":"2m","stop-timeout":"2m","on-fail":"restart","times":4,)"
        R"("max-runs":2,"restart-delay":"30s","stdout":"/tmp/all.log","stderr":"/tmp/e.log",)"
        R"("notify":"mail","notify-mode":"after-many","notify-threshold":3})");
    EXPECT_EQ(file.root()["notify_command"], "tell one");
    EXPECT_TRUE(file.says("Left out: restart-params.after-scheduling \"dynamic\""));
}

TEST(PythonBansuri, TheOlderGroupsAreKnownAsWell) {
    const Imported file = imported(R"({"scripts": [{
        "identification": {"name": "t", "command": "c", "where": "/srv", "user": "app"},
        "scheduling": {"schedule_cron": "0 3 * * *", "no_interface": true},
        "failure_control": {"max_attempts": 1, "on_fail": "stop", "depends_on": []},
        "resources": {"environment_file": "x.json", "priority": 5},
        "logging": {"stdout_path": "o", "notify_condition": "none"}}]})");
    EXPECT_EQ(file.value("working-directory"), R"("/srv")");
    EXPECT_EQ(file.value("schedule-cron"), R"("0 3 * * *")");
    EXPECT_EQ(file.value("environment-file"), R"("x.json")");
    EXPECT_EQ(file.value("priority"), "5");
    EXPECT_EQ(file.value("user"), R"("app")");
    EXPECT_EQ(file.value("stdout"), R"("o")");
    EXPECT_TRUE(file.says("The Python program did nothing with this key. Now it counts."));
}

TEST(PythonBansuri, ATimerOfZeroIsNoTimer) {
    for (const char* const timer : {R"("0")", "0", R"("none")", R"("None")"}) {
        const Imported file = flat("\"timer\": " + std::string(timer));
        EXPECT_EQ(file.value("timer"), "-") << timer;
        EXPECT_TRUE(file.says("for that add \"timer\": \"5s\"")) << timer;
    }
    EXPECT_EQ(imported(R"({"scripts": [{"general": {"name": "s", "command": "c"},
                          "scheduling": {"scheduler": "none"}}]})")
                  .value("timer"),
              "-");
    EXPECT_EQ(flat(R"("timer": 90)").value("timer"), "90");
    EXPECT_EQ(flat(R"("timer": "86400")").value("timer"), R"("86400")");
    EXPECT_TRUE(flat(R"("timer": "5 parsecs")").says("Left out: timer \"5 parsecs\""));
}

TEST(PythonBansuri, TimesMeantAttemptsAndRunsInTurn) {
    const Imported both =
        flat(R"("timer": 5, "on-fail": "restart", "times": 7, "max-attempts": 3)");
    EXPECT_EQ(both.value("times"), "3");
    EXPECT_EQ(both.value("max-runs"), "7");
    const Imported attempts = flat(R"("timer": 5, "on-fail": "restart", "times": 3)");
    EXPECT_EQ(attempts.value("times"), "3");
    EXPECT_EQ(attempts.value("max-runs"), "-");
    EXPECT_TRUE(attempts.says("is taken for attempts"));
    EXPECT_EQ(flat(R"("timer": 5, "times": 3)").value("max-runs"), "3");
    EXPECT_EQ(flat(R"("timer": 5, "times": 0)").value("max-runs"), "-");
    EXPECT_EQ(flat(R"("schedule-cron": "@daily", "times": 3)").value("max-runs"), "-");
    EXPECT_TRUE(flat(R"("timer": 5, "on-fail": "restart")").says("tried again without an end"));
    EXPECT_EQ(flat(R"("on-fail": "restart", "max-attempts": 0)").value("times"), "1");
}

TEST(PythonBansuri, CronExpressionsHaveTheirSecondsInFront) {
    EXPECT_EQ(flat(R"("schedule-cron": "1 2 * * * 30")").value("schedule-cron"),
              R"("30 1 2 * * *")");
    EXPECT_EQ(flat(R"("schedule-cron": "*/5 * * * *", "timer": "9s")").value("timer"), "-");
    EXPECT_EQ(flat(R"("schedule-cron": "0 0 1 * * 0 2030", "x": 1)").tasks(), 0U);
}

TEST(PythonBansuri, FailureIsWhatItWas) {
    EXPECT_EQ(flat(R"("timer": 5)").value("on-fail"), R"("stop")");
    EXPECT_TRUE(flat(R"("timer": 5)").says("As before, one failure ends its schedule"));
    EXPECT_EQ(flat(R"("timer": 5, "on-fail": "ignore")").value("on-fail"), R"("continue")");
    EXPECT_EQ(flat(R"("timer": 5, "on-fail": "RESTART")").value("on-fail"), R"("restart")");
    EXPECT_TRUE(flat(R"("on-fail": "explode")").says("Left out: on-fail"));
}

TEST(PythonBansuri, NotificationNeedsACommandForAll) {
    EXPECT_EQ(flat(R"("notify": "mail")").value("notify"), "-");
    const Imported differ = imported(R"({"notify_command": "root", "scripts": [
        {"name": "a", "command": "x", "notify": "command", "notify-command": "own"},
        {"name": "b", "command": "x", "notify": "all"}]})");
    EXPECT_EQ(differ.root()["notify_command"], "root");
    EXPECT_TRUE(differ.says("Left out: its own notify command own"));
    EXPECT_EQ(differ.value("notify-on-recovery", 1), "true");
}

TEST(PythonBansuri, NamesDependenciesAndDoubles) {
    const Imported file = imported(R"({"scripts": [
        {"name": "a/b", "command": "one"},
        {"name": "x", "command": "first", "timer": 1},
        {"name": "x", "command": "second", "depends-on": ["a/b", "ghost", 5]},
        {"command": "/opt/job.sh"},
        {"name": "none"}, 7]})");
    ASSERT_EQ(file.tasks(), 3U);
    EXPECT_EQ(file.value("name", 0), R"("a-b")");
    EXPECT_EQ(file.value("command", 1), R"("second")");
    EXPECT_EQ(file.value("depends-on", 1), R"(["a-b"])");
    EXPECT_EQ(file.value("name", 2), R"("job")");
    EXPECT_TRUE(file.says("command first: another one of that name follows"));
    EXPECT_TRUE(file.says("Left out: depends-on \"ghost\": there is no such task"));
    EXPECT_TRUE(file.says("task \"none\": it has no command"));
    EXPECT_TRUE(file.says("entry 7: it is no object"));
}

TEST(PythonBansuri, ACircleOfDependenciesIsLeftOut) {
    const Imported file = imported(R"({"scripts": [
        {"name": "a", "command": "x", "depends-on": ["b"]},
        {"name": "b", "command": "x", "depends-on": ["a"]}]})");
    EXPECT_EQ(file.tasks(), 2U);
    EXPECT_TRUE(file.says("Left out: depends-on"));
}

TEST(PythonBansuri, UnknownKeysAndTypesAreLeftOutWithAComment) {
    const Imported file = flat(R"("colour": "red", "no-interface": true, "timeout": [1],
        "working-directory": 5, "stdout": "$$combined", "success-codes": [0, 300, "2"],
        "description": null)",
                               R"("extra": {"a": 1}, )");
    for (const char* const words :
         {"Left out: colour \"red\"", "Left out: timeout [1]", "Left out: working-directory 5",
          "Left out: stdout", "Left out: success-codes [0, 300, \"2\"]", "Left out: extra"}) {
        EXPECT_TRUE(file.says(words)) << words << file.text;
    }
    EXPECT_EQ(file.value("success-codes"), "[0,2]");
    EXPECT_FALSE(file.says("no-interface"));
}

TEST(PythonBansuri, AFileOfAnotherKindIsRefused) {
    EXPECT_EQ(imported("no json").error, "it is no JSON");
    EXPECT_EQ(imported("[]").error, "there is no list \"scripts\" in it");
    EXPECT_EQ(imported(R"({"scripts": {}})").error, "there is no list \"scripts\" in it");
    EXPECT_THAT(imported(R"({"scripts": [1, 2]})").error, HasSubstr("no element"));
    EXPECT_THAT(imported(std::string(100'000, '[')).error, HasSubstr("more than 100 deep"));
    EXPECT_EQ(imported(R"({"scripts": []})").tasks(), 0U);
}

}  // namespace
}  // namespace bansuri::imports
