// SPDX-License-Identifier: MIT
#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include "import/expansion.hpp"
#include "import/ini.hpp"
#include "import/program_options.hpp"
#include "import/shell_words.hpp"
#include "import/task_name.hpp"
#include "unit/import/importing.hpp"

namespace bansuri::imports {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(ShellWord, IsQuotedOnlyWhereAShellWouldReadItOtherwise) {
    EXPECT_EQ(shell_word("/usr/bin/env"), "/usr/bin/env");
    EXPECT_EQ(shell_word("--a=b,c:d@e%f"), "--a=b,c:d@e%f");
    EXPECT_EQ(shell_word(""), "''");
    EXPECT_EQ(shell_word("a b"), "'a b'");
    EXPECT_EQ(shell_word("$HOME"), "'$HOME'");
    EXPECT_EQ(shell_word("~"), "'~'");
    EXPECT_EQ(shell_word("it's"), "'it'\\''s'");
}

RC_GTEST_PROP(ShellWord, IsOneWordThatStandsForItself, (const std::string& word)) {
    const auto words = split_words(shell_word(word));
    RC_ASSERT(words.has_value());
    RC_ASSERT(words->size() == 1U);
    RC_ASSERT(words->front() == word);
}

TEST(ShellWord, MeansTheSameToARealShell) {
    for (const std::string word : {"it's", "a\nb", "\\", "\"$x`y`\"", "*", "!", "-n", "\xC3\xA9"}) {
        EXPECT_EQ(output_of("printf '%s.' " + shell_word(word)), word + '.');
    }
}

TEST(SplitWords, AsPythonsShlexDoes) {
    EXPECT_THAT(*split_words("  a  'b c'\t\"d e\"f "), ElementsAre("a", "b c", "d ef"));
    EXPECT_THAT(*split_words(R"("a\"b\\c\d" 'e\f' g\ h '')"),
                ElementsAre(R"(a"b\c\d)", R"(e\f)", "g h", ""));
    EXPECT_THAT(*split_words("a # b"), ElementsAre("a", "#", "b"));
    EXPECT_TRUE(split_words("").has_value());
    for (const char* const open : {"'a", "\"a", "a\\", "\"a\\"}) EXPECT_FALSE(split_words(open));
}

TEST(NameOfCommand, IsTheProgramThatDoesTheWork) {
    struct Row {
        const char* command;
        const char* name;
    };
    const Row rows[] = {
        {"/usr/local/bin/backup --all", "backup"},
        {"cd /srv && ./report.sh > out", "report"},
        {"test -x /usr/bin/tidy && tidy -q", "tidy"},
        {"[ -x /opt/a/run.py ] && if [ ! -d /run/x ]; then /opt/a/run.py; fi", "run"},
        {"test -e /run/x || MODE=1 /usr/lib/scrub_all", "scrub_all"},
        {"command -v collect > /dev/null && collect 1 1", "collect"},
        {"if [ $(date +%d) -le 7 ]; then /usr/share/check; fi", "check"},
        {"perl -e 'sleep int(rand(9))' && renew -q", "renew"},
        {"nice -n 10 ionice -c3 rsync -a /a /b", "rsync"},
        {"timeout -k 5 1h flock -n /run/l /opt/job", "job"},
        {"sudo -u www-data php -q /var/www/cron.php", "cron"},
        {"python3 -m http.server", "http.server"},
        {"/usr/bin/env LANG=C sh /root/clean.sh", "clean"},
        {"run-parts --report /etc/cron.daily", "cron.daily"},
        {"invoke-rc.d exim start", "exim"},
        {"echo hello", "echo"},
        {"sleep 5; sync", "sync"},
        {"(cd /tmp; ls)", "ls"},
        {"\xC3\xA9t\xC3\xA9", "t"},
        {"$(", "job"},
        {"'unclosed", "unclosed"},
        {"", "job"},
    };
    for (const Row& row : rows) EXPECT_EQ(name_of_command(row.command), row.name) << row.command;
}

TEST(TaskNames, GivesEachNameOnce) {
    TaskNames names;
    EXPECT_EQ(names.give("a"), "a");
    EXPECT_EQ(names.give("a-2"), "a-2");
    EXPECT_EQ(names.give("a"), "a-3");
    EXPECT_EQ(names.give("a"), "a-4");
    EXPECT_EQ(names.give("../x/y!"), "x-y");
    EXPECT_EQ(names.give(" "), "job");
    EXPECT_EQ(names.give(std::string(500, 'b')).size(), 100U);
}

Result<std::string> expanded(std::string_view text) {
    return expand(text, [](std::string_view name) -> std::optional<std::string> {
        if (name == "n") return "7";
        if (name == "s") return "word";
        if (name == "big") return std::string(1000, 'x');
        return std::nullopt;
    });
}

TEST(Expand, IsPythonsOperator) {
    EXPECT_EQ(*expanded("%(s)s-%(n)02d-%(n)d-%(n)3d|100%%"), "word-07-7-  7|100%");
    EXPECT_THAT(expanded("%(other)s").error().message,
                HasSubstr("%(other)s stands for is not known"));
    for (const char* const wrong :
         {"5%", "%s", "%(s", "%(s)", "%(s)x", "%(s)d", "%(n)99999999999d"}) {
        EXPECT_THAT(expanded(wrong).error().message, HasSubstr("supervisord refuses that"))
            << wrong;
    }
}

TEST(Expand, GrowsOnlySoFar) {
    std::string text;
    for (int i = 0; i < 10'000; ++i) text += "%(big)s";
    EXPECT_THAT(expanded(text).error().message, HasSubstr("expands to more than"));
}

TEST(ReadVariables, TakesQuotesOfBothKinds) {
    EXPECT_THAT(*read_variables(R"(A="b,c", C='d"e' ,D=/f:g,)"),
                ElementsAre(Pair("A", "b,c"), Pair("C", "d\"e"), Pair("D", "/f:g")));
    EXPECT_TRUE(read_variables("")->empty());
    for (const char* const wrong :
         {"A", "A=", "=b", "A=b C=d", "A=\"b", "A='b", "A=\"b\"c", ",A=b"}) {
        EXPECT_FALSE(read_variables(wrong).has_value()) << wrong;
    }
}

TEST(Ini, IsTheDialectOfConfigParser) {
    Ini ini;
    ASSERT_TRUE(
        ini.read("; comment\n# comment\n[a] ; behind\nKey = v;1 ; behind\nk2: x y\n"
                 "long = one\n  two ; c\n\n\t# c\n  three\n\n[b]\nempty =\n[a]\nkey = w\n",
                 "/etc"));
    ASSERT_EQ(ini.sections().size(), 2U);
    EXPECT_THAT(ini.find("a")->options, ElementsAre(Pair("k2", "x y"), Pair("key", "w"),
                                                    Pair("long", "one\ntwo\n\nthree")));
    EXPECT_THAT(ini.find("b")->options, ElementsAre(Pair("empty", "")));
    EXPECT_TRUE(ini.problems().empty());
    EXPECT_FALSE(Ini().read("key = value\n[a]\n", "/"));
}

TEST(Ini, TellsOfLinesThatAreNeither) {
    Ini ini;
    ASSERT_TRUE(ini.read("[a]\nwhat is this\n= x\nk=v", "/"));
    EXPECT_EQ(ini.problems().size(), 2U);
    EXPECT_THAT(ini.problems()[0], HasSubstr("Line 2: what is this"));
    EXPECT_THAT(ini.find("a")->options, ElementsAre(Pair("k", "v")));
}

}  // namespace
}  // namespace bansuri::imports
