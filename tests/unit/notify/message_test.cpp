// SPDX-License-Identifier: MIT
#include "notify/message.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace bansuri::notify {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

engine::FailureInfo failure() {
    engine::FailureInfo info;
    info.task = "backup";
    info.description = "the nightly one";
    info.command = "pg_dump | gzip";
    info.working_directory = "/srv";
    info.run = 17;
    info.attempt = 2;
    info.attempts = 5;
    info.outcome = Outcome::failed;
    info.status = ExitStatus::exited(3);
    info.standard_output.bytes = "dumping\n";
    info.standard_error.bytes = "no space";
    return info;
}

TEST(Message, CarriesEveryFact) {
    const std::string message = render_message(failure(), TimeZone());
    for (const char* const part :
         {"backup", "the nightly one", "pg_dump | gzip", "/srv", "17", "2/5", "FAILED",
          "exit code 3", "1970-01-01T00:00:00+00:00", "dumping\n", "no space\n"}) {
        EXPECT_THAT(message, HasSubstr(part));
    }
}

TEST(Message, AttemptsAreShownAsNOfMaxAndAloneWithoutALimit) {
    engine::FailureInfo info = failure();
    EXPECT_EQ(attempt_of_all(info), "2/5");
    info.attempts.reset();
    EXPECT_EQ(attempt_of_all(info), "2");
}

TEST(Message, NoLineBeginsWithATilde_SoThatMailTakesNoneForACommand) {
    engine::FailureInfo info = failure();
    info.standard_output.bytes = "~!touch /tmp/x\nfine ~\n~r /etc/shadow";
    info.description = "~!x";
    const std::string message = render_message(info, TimeZone());
    EXPECT_THAT(message, Not(HasSubstr("\n~")));
    EXPECT_THAT(message, HasSubstr("\n ~!touch /tmp/x\nfine ~\n ~r /etc/shadow\n"));
}

TEST(Message, NoLineIsALoneDot_SoThatMailDoesNotEndThere) {
    engine::FailureInfo info = failure();
    info.standard_output.bytes = "a\n.\nb\n.";
    EXPECT_THAT(render_message(info, TimeZone()), HasSubstr("a\n .\nb\n .\n"));
}

TEST(Message, ControlCharactersAreShownAndDoNothing) {
    engine::FailureInfo info = failure();
    info.standard_output.bytes = std::string("\x1b]52;c;evil\a\0x\xff", 14);
    EXPECT_THAT(render_message(info, TimeZone()), HasSubstr("\\x1b]52;c;evil\\x07\\x00x"));
}

TEST(Message, SaysHowMuchOutputIsNotInIt) {
    engine::FailureInfo info = failure();
    info.standard_output.dropped = 4711;
    EXPECT_THAT(render_message(info, TimeZone()), HasSubstr("[4711 bytes before this]"));
}

TEST(Message, PlaceholdersAreReplacedAndOtherBracesStay) {
    EXPECT_EQ(fill_placeholders("x '{task}' {outcome} {code} {attempt} {run} {other} ${HOME} {",
                                failure()),
              "x 'backup' FAILED 3 2/5 17 {other} ${HOME} {");
    engine::FailureInfo killed = failure();
    killed.status = ExitStatus::signalled(9);
    EXPECT_EQ(fill_placeholders("{code}", killed), "137");
    killed.status.reset();
    EXPECT_EQ(fill_placeholders("{code}", killed), "-");
}

engine::FailureInfo without_attempt(engine::FailureInfo::Kind kind) {
    engine::FailureInfo info;
    info.kind = kind;
    info.task = "backup";
    info.command = "pg_dump";
    info.working_directory = "/srv";
    return info;
}

TEST(Message, OfAnOverdueSuccessTellsSinceWhenThereWasNone) {
    engine::FailureInfo info = without_attempt(engine::FailureInfo::Kind::overdue);
    info.elapsed = std::chrono::hours(26);
    info.since = WallTime(std::chrono::hours(1));
    std::string message = render_message(info, TimeZone());
    EXPECT_THAT(message, HasSubstr("Outcome:   OVERDUE: no success for 1d2h\n"));
    EXPECT_THAT(message, HasSubstr("Success:   1970-01-01T01:00:00+00:00\n"));
    EXPECT_THAT(message, HasSubstr("Command:   pg_dump\n"));
    EXPECT_THAT(message, Not(HasSubstr("Attempt:")));
    EXPECT_THAT(message, Not(HasSubstr("Run:")));
    info.since = {};
    EXPECT_THAT(render_message(info, TimeZone()), HasSubstr("Success:   none is known\n"));
    EXPECT_EQ(fill_placeholders("{task}|{outcome}|{code}|{attempt}|{run}", info),
              "backup|OVERDUE|-|-|-");
}

TEST(Message, OfAReminderTellsSinceWhenAndHowOften) {
    engine::FailureInfo info = without_attempt(engine::FailureInfo::Kind::reminder);
    info.outcome = Outcome::timeout;
    info.run = 17;
    info.failures = 4;
    info.since = WallTime(std::chrono::hours(1));
    const std::string message = render_message(info, TimeZone());
    for (const char* const line :
         {"Outcome:   still TIMEOUT\n", "Since:     1970-01-01T01:00:00+00:00\n",
          "Failures:  4 in a row\n", "Last run:  17\n"}) {
        EXPECT_THAT(message, HasSubstr(line));
    }
    EXPECT_EQ(outcome_word(info), "TIMEOUT");
    info.outcome = Outcome::stopped;
    EXPECT_EQ(outcome_word(info), "FAILED");
    info.failures = 0;
    EXPECT_EQ(outcome_word(info), "OVERDUE");
}

TEST(Message, OfAnAlertHasNoTask) {
    engine::FailureInfo info;
    info.kind = engine::FailureInfo::Kind::alert;
    info.alert = "configuration-refused";
    info.reason = "scripts.json:3:1: error\n~!touch /tmp/x\x1b";
    EXPECT_EQ(render_message(info, TimeZone()),
              "Alert:     configuration refused\nTime:      1970-01-01T00:00:00+00:00\n\n"
              "scripts.json:3:1: error\n ~!touch /tmp/x\\x1b\n");
    EXPECT_EQ(fill_placeholders("'{task}' {outcome} {run}", info),
              "'' ALERT configuration-refused -");
}

class ExcerptTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::string name =
            (std::filesystem::temp_directory_path() / "bansuri-excerpt-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        directory = name;
    }
    void TearDown() override { std::filesystem::remove_all(directory); }
    engine::OutputExcerpt read(std::uint64_t offset) const {
        engine::OutputExcerpt excerpt;
        excerpt.path = directory / "log";
        excerpt.offset = offset;
        read_excerpt(excerpt);
        return excerpt;
    }
    void write(const std::string& text) const { std::ofstream(directory / "log") << text; }
    std::filesystem::path directory;
};

TEST_F(ExcerptTest, OnlyThePartOfThisRunIsRead) {
    write("old\nnew\n");
    EXPECT_EQ(read(4).bytes, "new\n");
    EXPECT_EQ(read(4).dropped, 0u);
}

TEST_F(ExcerptTest, OfALongPartTheTailIsRead) {
    write("old\n" + std::string(100'000, 'x'));
    EXPECT_EQ(read(4).bytes.size(), tail_limit);
    EXPECT_EQ(read(4).dropped, 100'000 - tail_limit);
}

TEST_F(ExcerptTest, AFileThatWasCutMeanwhileIsReadFromItsBeginning) {
    write("new\n");
    EXPECT_EQ(read(1000).bytes, "new\n");
}

TEST_F(ExcerptTest, AMissingFileOrAFifoIsSaidAndDoesNotHang) {
    EXPECT_THAT(read(0).bytes, HasSubstr("cannot be read"));
    ASSERT_EQ(::mkfifo((directory / "log").c_str(), 0600), 0);
    EXPECT_THAT(read(0).bytes, HasSubstr("cannot be read"));
}

}  // namespace
}  // namespace bansuri::notify
