// SPDX-License-Identifier: MIT
//
// Whatever stands in a file: an importer answers with a reason, or with what `bansuri check` takes.
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "import/crontab.hpp"
#include "import/python_bansuri.hpp"
#include "import/supervisor.hpp"
#include "unit/import/importing.hpp"

namespace bansuri::imports {
namespace {

std::vector<Result<std::string>> all_of(const std::string& text) {
    return {import_crontab(text, {"/etc/crontab"}), import_crontab(text, {"jobs"}),
            import_supervisor(text, {"main.conf", "/etc", ""}),
            import_python_bansuri(text, "old.json")};
}

void expect_answers(const std::string& text) {
    for (const Result<std::string>& scripts : all_of(text)) {
        if (scripts) {
            EXPECT_EQ(faults_of(*scripts), "") << shown(text, 2000);
        } else {
            EXPECT_FALSE(scripts.error().message.empty());
            EXPECT_LT(scripts.error().message.size(), 2000U);
        }
    }
}

RC_GTEST_PROP(Hostile, AnyBytes, (const std::string& bytes)) { expect_answers(bytes); }

const std::vector<std::string> the_pieces = {"\n",
                                             "\n",
                                             " ",
                                             "\t",
                                             "*",
                                             "* * * * * ",
                                             "@daily ",
                                             "@reboot ",
                                             "5-3",
                                             "1~9",
                                             "%",
                                             "\\%",
                                             "\\",
                                             "'",
                                             "\"",
                                             "=",
                                             "MAILTO=",
                                             "SHELL=/bin/bash",
                                             "HOME=",
                                             "PATH=/x",
                                             "CRON_TZ=UTC",
                                             "RANDOM_DELAY=5",
                                             "root ",
                                             "-",
                                             "#",
                                             ";",
                                             "[program:a]",
                                             "[program:",
                                             "[group:g]",
                                             "[supervisord]",
                                             "[include]",
                                             "[eventlistener:e]",
                                             "]",
                                             "command=",
                                             "command=/bin/x y",
                                             "programs=a,b",
                                             "numprocs=3",
                                             "process_name=%(process_num)02d",
                                             "%(",
                                             "%(here)s",
                                             "%(ENV_A)s",
                                             "environment=A=\"",
                                             "exitcodes=0,1",
                                             "autorestart=true",
                                             "umask=7777",
                                             "stopwaitsecs=-1",
                                             "stdout_logfile=",
                                             "user=",
                                             "directory=",
                                             std::string(1, '\0'),
                                             "\xFF",
                                             "\r",
                                             "{",
                                             "}",
                                             "[",
                                             "\"scripts\":",
                                             "[{\"name\":\"",
                                             "\"command\":\"x\"",
                                             ",",
                                             ":",
                                             "1e9",
                                             "\x1b[2J",
                                             "$(",
                                             "`",
                                             "\xE2\x80\xAE"};

/// Bytes that look like something: the pieces of which such files are made, in any order.
RC_GTEST_PROP(Hostile, AnyPieces, ()) {
    const auto pieces =
        *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(the_pieces));
    std::string text;
    for (const std::string& piece : pieces) text += piece;
    expect_answers(text);
    expect_answers("[program:p]\ncommand=x\n" + text);
    expect_answers("@daily x\n" + text);
}

/// A task of the Python program with any value for any of its keys.
RC_GTEST_PROP(Hostile, AnyValues, ()) {
    const auto value = rc::gen::elementOf(
        std::vector<std::string>{"null",         "true",         "0",
                                 "-1",           "1e300",        "99999999999999999999",
                                 "\"\"",         "\"x\"",        "\"5m\"",
                                 "\" \"",        "[]",           "[1,\"a\"]",
                                 "{}",           "{\"a\":[{}]}", "\"\\u0000\"",
                                 "\"combined\"", "\"restart\"",  "\"@reboot\"",
                                 "\"mail\"",     "[\"a\"]"});
    const auto key = rc::gen::elementOf(std::vector<std::string>{
        "name",           "command",      "timer",       "schedule-cron",    "timeout",
        "times",          "max-attempts", "on-fail",     "restart_delay",    "depends-on",
        "success-codes",  "user",         "priority",    "environment-file", "stdout",
        "stderr",         "notify",       "notify-mode", "notify-threshold", "notify-after",
        "notify-command", "where",        "general",     "scheduling",       "failure-control",
        "logging"});
    std::string task = R"({"name": "a", "command": "c")";
    for (const auto& [name, text] :
         *rc::gen::container<std::vector<std::pair<std::string, std::string>>>(
             rc::gen::pair(key, value))) {
        task += ", \"" + name + "\": " + text;
    }
    expect_answers("{\"notify_command\": \"m\", \"scripts\": [" + task + "}]}");
}

TEST(Hostile, ALineOfTenMegabytes) {
    constexpr std::size_t size = 10'000'000;
    const std::string long_text(size, 'x');
    expect_answers(long_text);
    expect_answers("* * * * * " + long_text + "\n@daily good\n");
    expect_answers("A=" + long_text + "\n@daily a\n@daily b\n");
    expect_answers("@daily cat%" + std::string(size, '%') + "\n");
    expect_answers("[program:a]\ncommand=" + long_text + "\nenvironment=A=\"" + long_text + "\"\n");
    expect_answers("[" + long_text + "]\n[program:" + long_text + "]\ncommand=x\n");
    expect_answers("{\"scripts\": [{\"name\": \"" + long_text + "\", \"command\": \"x\"}]}");
}

TEST(Hostile, ManyShortLines) {
    std::string crontab;
    for (int i = 0; i < 200'000; ++i) crontab += "nonsense\n";
    expect_answers("@daily x\n" + crontab);
    crontab.clear();
    for (int i = 0; i < 3000; ++i) crontab += "* * * * * job\n";
    const Imported file(import_crontab(crontab, {"jobs"}));
    EXPECT_EQ(file.value("name", 2999), R"("job-3000")");
    for (int i = 0; i < 20'000; ++i) crontab += "* * * * * job\n";
    EXPECT_THAT(import_crontab(crontab, {"jobs"}).error().message,
                ::testing::HasSubstr("more than 20000 tasks"));
    std::string variables;
    for (int i = 0; i < 100'000; ++i) variables += "V" + std::to_string(i) + "=1\n";
    const Imported bounded(import_crontab(variables + "@daily x\n", {"jobs"}));
    EXPECT_EQ(bounded.task()["environment"].size(), 202U);
}

TEST(Hostile, ManyOfWhatIsUsuallyOne) {
    std::string text = "{\"scripts\": [{\"name\": \"a\", \"command\": \"x\"";
    for (int i = 0; i < 200'000; ++i) text += ", \"k" + std::to_string(i) + "\": 1";
    EXPECT_THAT(import_python_bansuri(text + "}]}", "f").error().message,
                ::testing::HasSubstr("more than 1000 keys"));
    std::string times = "1~5";
    for (int i = 0; i < 500'000; ++i) times += ",1~5";
    expect_answers("@daily x\n" + times + " * * * * y\n");
    std::string variables;
    for (int i = 0; i < 300'000; ++i) variables += "V" + std::to_string(i % 300) + "=1\n";
    expect_answers(variables + "@daily x\n");
    std::string patterns = "[supervisord]\n[include]\nfiles=";
    for (int i = 0; i < 500'000; ++i) patterns += "a ";
    expect_answers(patterns + "\n");
    std::string groups = "[program:a]\ncommand=a\n[group:g]\nprograms=";
    for (int i = 0; i < 500'000; ++i) groups += "a,b,";
    expect_answers(groups + "\n");
}

TEST(Hostile, AValueThatFeedsItself) {
    std::string text = "[program:a]\nenvironment=A=\"" + std::string(1000, 'x') + "\"\ncommand=";
    for (int i = 0; i < 5000; ++i) text += "%(ENV_A)s";
    const Imported file(import_supervisor(text + "\n", {"main.conf", "/etc", ""}));
    EXPECT_EQ(file.tasks(), 0U);
    EXPECT_TRUE(file.says("expands to more than"));
}

}  // namespace
}  // namespace bansuri::imports
