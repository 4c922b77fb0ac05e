// SPDX-License-Identifier: MIT
#include "import/crontab.hpp"

#include <gmock/gmock.h>

#include "unit/import/importing.hpp"

namespace bansuri::imports {
namespace {

using ::testing::HasSubstr;

std::optional<std::string> home_of(std::string_view user) {
    if (user.empty()) return "/home/me";
    if (user == "root") return "/root";
    if (user == "www-data") return "/var/www";
    return std::nullopt;
}

Imported user_form(std::string_view text, std::string origin = "jobs.cron") {
    return Imported(import_crontab(text, {std::move(origin), CrontabForm::by_path, home_of}));
}
Imported system_form(std::string_view text) {
    return Imported(import_crontab(text, {"/etc/cron.d/jobs", CrontabForm::by_path, home_of}));
}

TEST(Crontab, AJobRunsAsCronRanIt) {
    const Imported file = user_form("30 2 * * * /usr/local/bin/backup --all\n");
    ASSERT_EQ(file.tasks(), 1U);
    EXPECT_EQ(file.value("name"), R"("backup")");
    EXPECT_EQ(file.value("command"), R"("/usr/local/bin/backup --all")");
    EXPECT_EQ(file.value("schedule-cron"), R"("30 2 * * *")");
    EXPECT_EQ(file.value("working-directory"), R"("/home/me")");
    EXPECT_EQ(file.value("environment"), R"({"PATH":"/usr/bin:/bin","SHELL":"/bin/sh"})");
    EXPECT_EQ(file.value("clean-environment"), "true");
    EXPECT_EQ(file.value("overlap"), R"("allow")");
    EXPECT_EQ(file.value("on-fail"), R"("continue")");
    EXPECT_EQ(file.value("user"), "-");
    EXPECT_EQ(file.value("notify"), "-");
    EXPECT_TRUE(file.says("Without MAILTO cron mails whatever a job prints"));
}

TEST(Crontab, TheSystemFormNamesAUser) {
    const Imported file = system_form(
        "17 * * * *\troot\tcd / && run-parts --report /etc/c.hourly\n"
        "*/5 * * * * www-data  /usr/bin/tidy\n"
        "0 4 * * * ghost /usr/bin/tidy\n");
    ASSERT_EQ(file.tasks(), 3U);
    EXPECT_EQ(file.value("user", 0), R"("root")");
    EXPECT_EQ(file.value("working-directory", 0), R"("/root")");
    EXPECT_EQ(file.value("command", 0), R"("cd / && run-parts --report /etc/c.hourly")");
    EXPECT_EQ(file.value("name", 0), R"("c.hourly")");
    EXPECT_EQ(file.value("user", 1), R"("www-data")");
    EXPECT_EQ(file.value("working-directory", 1), R"("/var/www")");
    EXPECT_EQ(file.value("name", 2), R"("tidy-2")");
    EXPECT_EQ(file.value("working-directory", 2), "-");
    EXPECT_TRUE(file.says("home directory of ghost, which this machine does not know"));
}

TEST(Crontab, TheFormGoesByThePath) {
    const char* const line = "0 1 * * * root /bin/true\n";
    const auto command = [line](const char* path, CrontabForm form) {
        return Imported(import_crontab(line, {path, form, home_of})).value("command");
    };
    EXPECT_EQ(command("/etc/crontab", CrontabForm::by_path), R"("/bin/true")");
    EXPECT_EQ(command("/etc/cron.d/x", CrontabForm::by_path), R"("/bin/true")");
    EXPECT_EQ(command("/etc/crontab", CrontabForm::user), R"("root /bin/true")");
    EXPECT_EQ(command("/tmp/x", CrontabForm::system), R"("/bin/true")");
    EXPECT_EQ(command("/tmp/x", CrontabForm::by_path), R"("root /bin/true")");
    EXPECT_TRUE(user_form(line).says("import it with --system"));
    EXPECT_TRUE(Imported(import_crontab("@daily /bin/x y\n0 1 * * * root z\n", {"/etc/crontab"}))
                    .says("if it is a user's own crontab, say --user"));
}

TEST(Crontab, AFileOfTheSpoolBelongsToWhoItIsNamedAfter) {
    const Imported file = user_form("0 1 * * * ./tidy\n", "/var/spool/cron/crontabs/www-data");
    EXPECT_EQ(file.value("user"), R"("www-data")");
    EXPECT_EQ(file.value("working-directory"), R"("/var/www")");
    EXPECT_EQ(user_form("0 1 * * * x\n", "/var/spool/cron/root").value("user"), R"("root")");
}

TEST(Crontab, VariablesHoldForTheLinesAfterThem) {
    const Imported file = user_form(
        "* * * * * a\n"
        "PATH = /opt/bin:/bin \n"
        "NAME=\"  two words \"\n"
        "'Q' = 'it is \"so\"'\n"
        "* * * * * b\n"
        "NAME=$PATH%x # no comment\n"
        "HOME=/srv\n"
        "* * * * * c\n");
    ASSERT_EQ(file.tasks(), 3U);
    EXPECT_EQ(file.task(0)["environment"].size(), 2U);
    EXPECT_EQ(file.task(0)["environment"]["PATH"], "/usr/bin:/bin");
    EXPECT_EQ(file.task(1)["environment"]["PATH"], "/opt/bin:/bin");
    EXPECT_EQ(file.task(1)["environment"]["NAME"], "  two words ");
    EXPECT_EQ(file.task(1)["environment"]["Q"], "it is \"so\"");
    EXPECT_EQ(file.task(2)["environment"]["NAME"], "$PATH%x # no comment");
    EXPECT_EQ(file.task(2)["environment"]["HOME"], "/srv");
    EXPECT_EQ(file.value("working-directory", 1), R"("/home/me")");
    EXPECT_EQ(file.value("working-directory", 2), R"("/srv")");
}

TEST(Crontab, WhatAllJobsShareIsWrittenOnce) {
    const Imported file = user_form("X=1\n* * * * * a\nY=2\n* * * * * b\n");
    EXPECT_EQ(file.root()["defaults"]["environment"].dump(),
              R"({"PATH":"/usr/bin:/bin","SHELL":"/bin/sh","X":"1"})");
    EXPECT_EQ(file.root()["scripts"][0].dump(),
              R"({"name":"a","command":"a","schedule-cron":"* * * * *"})");
    EXPECT_EQ(file.root()["scripts"][1]["environment"].dump(), R"({"Y":"2"})");
}

TEST(Crontab, AnotherShellIsStartedByOurs) {
    const Imported file = user_form("SHELL=/bin/bash\n* * * * * [[ a == a ]] && echo 'it works'\n");
    EXPECT_EQ(file.task()["environment"]["SHELL"], "/bin/bash");
    EXPECT_EQ(output_of(file.task()["command"]), "it works\n");
    EXPECT_TRUE(file.task()["command"].get<std::string>().starts_with("exec /bin/bash -c '"));
}

TEST(Crontab, PercentSignsBecomeStandardInput) {
    struct Row {
        const char* why;
        const char* written;
        const char* output;
    };
    const Row rows[] = {
        {"no percent sign, no input", "cat; echo end", "end\n"},
        {"the first ends the command, the others are line ends", "cat%a%%b", "a\n\nb\n"},
        {"a line end is added only if it is missing", "cat%a%", "a\n"},
        {"a backslash makes it literal", "echo 5\\%%x", "5%\n"},
        {"in the input as well", "cat%5\\%", "5%\n"},
        {"any other backslash is itself", "printf '%s' 'a\\b'", "(failed)"},
        {"so it is in the input", "cat%a\\b\\\\c", "a\\b\\\\c\n"},
        {"quotes and blanks of the input are data", "cat% it's \"$HOME\" `x`",
         " it's \"$HOME\" `x`\n"},
        {"all commands of the line read the same input", "read a; read b; echo $b$a%1%2", "21\n"},
        {"a comment does not swallow the end", "cat # c%x", "x\n"},
        {"nothing behind it is nothing to read", "cat; echo end%", "end\n"},
        {"who does not read is not hurt", "true; echo end%x", "end\n"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        const Imported file = user_form(std::string("* * * * * ") + row.written + "\n");
        // The sixth row: the % of printf ends its command within a quote, as it does for cron.
        EXPECT_EQ(output_of("{ " + file.task()["command"].get<std::string>() +
                            "\n} 2>/dev/null </dev/null"),
                  row.output)
            << file.text;
    }
}

TEST(Crontab, TheExitStatusBehindAnInputIsTheJobs) {
    const Imported file = user_form("* * * * * cat >/dev/null; exit 3%x\n");
    EXPECT_EQ(output_of(file.task()["command"].get<std::string>() + "; echo $?"), "3\n");
}

TEST(Crontab, TimesAreCronsOwn) {
    const char* const taken[] = {"*/15 0-6,22,23 1-31/2 jan,MAR-may sun",
                                 "0 0 * * 7",
                                 "59 23 31 12 0-7",
                                 "0 0 * * fri-sun",
                                 "@reboot",
                                 "@yearly",
                                 "@annually",
                                 "@monthly",
                                 "@weekly",
                                 "@daily",
                                 "@midnight",
                                 "@hourly"};
    for (const char* const times : taken) {
        const Imported file = user_form(std::string(times) + " x\n");
        EXPECT_EQ(file.value("schedule-cron"), '"' + std::string(times) + '"');
    }
    const char* const refused[] = {
        "60 * * * *",   "* 24 * * *",      "* * 0 * *",     "* * * 13 *", "* * * * 8",
        "22-2 * * * *", "3/15 * * * *",    "*/0 * * * *",   "L * * * *",  "* * * * MON#2",
        "1,,2 * * * *", "* * * january *", "@every_minute", "@Daily",     "? * * * *"};
    for (const char* const times : refused) {
        const Imported file = user_form(std::string("@daily good\n") + times + " x\n");
        EXPECT_EQ(file.tasks(), 1U) << times;
        EXPECT_TRUE(file.says("Not carried over: line 2: ")) << times << file.text;
    }
}

TEST(Crontab, WhatCanNeverBeDueIsLeftOutWithTheReason) {
    const Imported file = user_form("0 0 31 2 * never\n@daily x\n");
    EXPECT_EQ(file.tasks(), 1U);
    EXPECT_TRUE(file.says("Not carried over: task \"never\""));
}

TEST(Crontab, ARandomValueIsChosenOnceAndForAll) {
    const Imported once = user_form("6~15 ~ * * * x\n");
    const std::string times = once.value("schedule-cron");
    EXPECT_EQ(times, user_form("6~15 ~ * * * x\n").value("schedule-cron"));
    const int minute = std::stoi(times.substr(1));
    EXPECT_TRUE(minute >= 6 && minute <= 15) << times;
    EXPECT_TRUE(once.says("The minute was \"6~15\": cronie chose one of them anew"));
    bool others = false;
    for (int i = 0; i < 20; ++i) {
        others =
            others ||
            user_form("6~15 ~ * * * x" + std::to_string(i) + "\n").value("schedule-cron") != times;
    }
    EXPECT_TRUE(others);
    EXPECT_EQ(user_form("@daily a\n9~3 * * * * x\n").tasks(), 1U);
}

TEST(Crontab, ZoneAndDelayAreCroniesAndCarriedOver) {
    const Imported file =
        user_form("CRON_TZ=Europe/Berlin\nRANDOM_DELAY=30\n0 2 * * * x\n@reboot y\n");
    EXPECT_EQ(file.value("timezone", 0), R"("Europe/Berlin")");
    EXPECT_EQ(file.value("jitter", 0), R"("30m")");
    EXPECT_EQ(file.value("timezone", 1), "-");
    EXPECT_TRUE(file.says("CRON_TZ, which only cronie knows"));
    EXPECT_TRUE(file.says("Bansuri each time that it starts itself"));
    EXPECT_EQ(file.task(0)["environment"].count("CRON_TZ"), 0U);
    const Imported wrong = user_form("CRON_TZ=Atlantis\nRANDOM_DELAY=9999\n0 2 * * * x\n");
    EXPECT_EQ(wrong.value("timezone"), "-");
    EXPECT_TRUE(wrong.says("Left out: timezone \"Atlantis\""));
    EXPECT_TRUE(wrong.says("Left out: RANDOM_DELAY=9999"));
}

TEST(Crontab, MailGoesWhereItWent) {
    const Imported file =
        user_form("MAILTO=\"ops@example.org, it's@x\"\n@daily a\nMAILTO=\n@daily b\n");
    EXPECT_EQ(file.value("notify", 0), R"("mail")");
    EXPECT_EQ(file.value("notify", 1), R"("none")");
    EXPECT_EQ(file.root()["notify_command"],
              "mail -s 'Bansuri: {task} {outcome}' ops@example.org 'it'\\''s@x'");
    EXPECT_FALSE(file.says("Without MAILTO"));
    EXPECT_TRUE(user_form("MAILTO=a\n@daily a\nMAILTO=b\n@daily b\n")
                    .says("all messages go to all of them now"));
    EXPECT_EQ(user_form("MAILTO=\"\"\n@daily b\n").root().count("notify_command"), 0U);
}

TEST(Crontab, WhatIsKnownOfDebiansOwnJobsIsSaid) {
    const Imported file = system_form(
        "25 6 * * * root test -x /usr/sbin/anacron || { cd / && run-parts /etc/cron.daily; }\n"
        "0 */12 * * * root [ -d /run/systemd/system ] || perl -e 'sleep int(rand(43200))' && "
        "renew\n");
    EXPECT_TRUE(file.says("With anacron installed this does nothing"));
    EXPECT_TRUE(file.says("One task for a directory of scripts"));
    EXPECT_TRUE(file.says("Where systemd runs this does nothing"));
    EXPECT_TRUE(file.says("\"jitter\" could do that instead"));
    EXPECT_EQ(file.value("name", 1), R"("renew")");
}

TEST(Crontab, WhatCannotBeCarriedOverIsSaidInItsPlace) {
    const Imported file = user_form(
        "@daily a\nLOGNAME=me\nMLS_LEVEL=s0\nnonsense\n* * * * * * x\n"
        "- @daily b\n-@daily c\r\n");
    EXPECT_EQ(file.tasks(), 2U);
    EXPECT_TRUE(file.says("line 2: LOGNAME: cron sets it itself"));
    EXPECT_TRUE(file.says("line 3: MLS_LEVEL=s0"));
    EXPECT_TRUE(file.says("line 4: nonsense: a line has five fields"));
    EXPECT_TRUE(file.says("line 5: * * * * * * x: the command begins with a star"));
    EXPECT_TRUE(file.says("line 6: - @daily b"));
    EXPECT_TRUE(file.says("The leading \"-\" kept cronie from logging"));
    EXPECT_EQ(file.value("command", 1), R"("c")");
    EXPECT_LT(file.text.find("\"a\""), file.text.find("line 4"));
    EXPECT_LT(file.text.find("line 6"), file.text.find("\"c\""));
}

TEST(Crontab, AnEmptyOneIsAnEmptyOne) {
    EXPECT_EQ(user_form("# nothing\n\n").tasks(), 0U);
    EXPECT_EQ(user_form("").tasks(), 0U);
    EXPECT_EQ(user_form("MAILTO=me\n").tasks(), 0U);
}

TEST(Crontab, AFileOfAnotherKindIsRefusedWithTheFirstReason) {
    EXPECT_THAT(user_form("{\n  \"scripts\": []\n}\n").error, HasSubstr("line 1: "));
    EXPECT_THAT(user_form(std::string_view("\x7F"
                                           "ELF\0\0\n\0",
                                           8))
                    .error,
                HasSubstr("nothing in it is a line of a crontab; line 1: it holds a NUL"));
}

}  // namespace
}  // namespace bansuri::imports
