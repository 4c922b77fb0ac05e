// SPDX-License-Identifier: MIT
//
// `bansuri logs` against a fake daemon.
#include <thread>

#include "client_fixture.hpp"

namespace bansuri::cli {
namespace {

/// A stream that another thread may read while it is written to.
class WatchedStream : private std::stringbuf, public std::ostream {
  public:
    WatchedStream() : std::ostream(static_cast<std::stringbuf*>(this)) {}
    std::string text() {
        const std::lock_guard lock(mutex_);
        return text_;
    }
    bool waits_for(const std::string& wanted) {
        for (int i = 0; i < 2000; ++i) {
            if (text().find(wanted) != std::string::npos) return true;
            std::this_thread::sleep_for(10ms);
        }
        return false;
    }

    /// From now on nobody reads.
    void break_off() {
        const std::lock_guard lock(mutex_);
        broken_ = true;
    }

  private:
    std::streamsize xsputn(const char* bytes, std::streamsize size) override {
        const std::lock_guard lock(mutex_);
        if (broken_) return 0;
        text_.append(bytes, static_cast<std::size_t>(size));
        return size;
    }
    int overflow(int byte) override {
        const std::lock_guard lock(mutex_);
        text_ += static_cast<char>(byte);
        return byte;
    }
    std::mutex mutex_;
    std::string text_;
    bool broken_ = false;
};

TEST_F(TheClient, LogsGoRawToAPipeEachStreamToItsOwn) {
    add_run(1, Outcome::success, 2);
    print(1, 1, "first\n");
    const std::string odd("\0\xff\x1b[2J\n", 7);
    print(1, 2, odd);
    print(1, 2, "oops\n", true);
    const Printed printed = run(logs());
    EXPECT_EQ(printed.code, 0);
    EXPECT_EQ(printed.out, "first\n" + odd);
    EXPECT_EQ(printed.err, "oops\n");
    LogsCommand second = logs();
    second.attempt = 1;
    EXPECT_EQ(run(second).out, "first\n");
    second.attempt = 3;
    EXPECT_EQ(run(second).code, 1);
}

TEST_F(TheClient, LogsAreEscapedOnATerminalInTheirOrder) {
    add_run(1, Outcome::success);
    print(1, 1, "a\x1b[2J gr\xc3");  // a character in two pieces
    print(1, 1, "oops\n", true);
    print(1, 1, "\xbcn\n");
    EXPECT_EQ(run(logs(), 80, true).out, "a\\x1b[2J groops\n\xc3\xbcn\n");
}

TEST_F(TheClient, LogsOfStderrAreEscapedWhereOnlyItIsATerminal) {
    add_run(1, Outcome::success);
    print(1, 1, "a\x1b[2J\n");
    print(1, 1, "oo\x1b[2Jps\xc3", true);
    print(1, 1, "\xbc\n", true);
    const Printed printed = run(logs(), 0, false, true);
    EXPECT_EQ(printed.out, "a\x1b[2J\n");
    EXPECT_EQ(printed.err, "oo\\x1b[2Jps\xc3\xbc\n");
}

TEST_F(TheClient, LogsOfALongOutputAreWholeAndSayWhatIsMissing) {
    add_run(1, Outcome::success);
    std::string all;
    for (int i = 0; i < 100'000; ++i) all += std::to_string(i) + "\n";
    print(1, 1, all);
    history.outputs[{1, 1}].missing = 12;
    const Printed printed = run(logs());
    EXPECT_EQ(printed.out, all);
    EXPECT_EQ(printed.err, "[12 bytes were not kept]\n");
}

TEST_F(TheClient, LogsOfATaskThatHasNotRunSaySo) {
    const Printed printed = run(logs());
    EXPECT_EQ(printed.code, 1);
    EXPECT_THAT(printed.err, HasSubstr("task \"backup\" has not run yet"));
    add_run(1, Outcome::skipped, 0);
    EXPECT_EQ(run(logs()).code, 1);
    add_run(2, Outcome::success);
    LogsCommand other = logs();
    other.task = "upload";
    other.run = 2;
    EXPECT_EQ(run(other).code, 2);
}

/// A follower on a thread of its own.
class Follower {
  public:
    Follower(ApiClient& api, LogsCommand command)
        : thread_([this, &api, command]() mutable {
              command.follow = true;
              Surroundings around{out, err};
              around.mono_now = steady_now;
              code = execute(command, api, around);
          }) {}
    int join() {
        thread_.join();
        return code;
    }
    WatchedStream out;
    WatchedStream err;

  private:
    int code = -1;
    std::thread thread_;
};

TEST_F(TheClient, FollowsARunOverItsAttemptsToItsEnd) {
    add_run(1, std::nullopt);
    print(1, 1, "one\n", false, false);
    LogsCommand command = logs();
    command.run = 1;
    Follower follower(api, command);
    EXPECT_TRUE(follower.out.waits_for("one\n"));
    print(1, 1, "two\n");
    EXPECT_TRUE(follower.out.waits_for("two\n"));
    {
        const std::lock_guard lock(history.mutex);
        history.attempt_records[1].push_back({});
        history.attempt_records[1].back().number = 2;
        history.records.back().attempts = 2;
    }
    print(1, 2, "again\n", false, false);
    EXPECT_TRUE(follower.out.waits_for("again\n"));
    print(1, 2, "last\n");
    end_run(1);
    EXPECT_EQ(follower.join(), 0);
    EXPECT_EQ(follower.out.text(), "one\ntwo\nagain\nlast\n");
}

TEST_F(TheClient, FollowsATaskOverItsRunsAndARestartOfTheDaemon) {
    add_run(1, std::nullopt);
    print(1, 1, "one\n", false, false);
    LogsCommand command = logs();
    command.patience = 20s;
    Follower follower(api, command);
    EXPECT_TRUE(follower.out.waits_for("one\n"));
    server.reset();
    print(1, 1, "two\n");
    end_run(1);
    add_run(2, Outcome::skipped, 0);
    add_run(3, Outcome::success);
    print(3, 1, "three\n");
    add_run(4, std::nullopt);
    print(4, 1, "four\n", false, false);
    serve();
    EXPECT_TRUE(follower.out.waits_for("four\n"));
    EXPECT_EQ(follower.out.text(), "one\ntwo\nthree\nfour\n");
    // It has no end of its own, but for nobody reading it.
    follower.out.break_off();
    print(4, 1, "more\n", false, false);
    EXPECT_EQ(follower.join(), 1);
}

TEST_F(TheClient, AFollowerGivesUpWhenNoDaemonComesBack) {
    add_run(1, std::nullopt);
    print(1, 1, "one\n", false, false);
    LogsCommand command = logs();
    command.patience = 50ms;
    Follower follower(api, command);
    EXPECT_TRUE(follower.out.waits_for("one\n"));
    server.reset();
    EXPECT_EQ(follower.join(), 3);
    EXPECT_THAT(follower.err.text(), HasSubstr("no daemon is reachable"));
}

}  // namespace
}  // namespace bansuri::cli
