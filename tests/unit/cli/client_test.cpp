// SPDX-License-Identifier: MIT
//
// The commands of the client against a real server with a fake daemon behind it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <sstream>
#include <thread>

#include "cli/client_commands.hpp"
#include "http/server.hpp"
#include "support/fake_backend.hpp"
#include "support/temporary_directory.hpp"
#include "support/times.hpp"
#include "support/unix_client.hpp"

namespace bansuri::cli {
namespace {

using namespace std::chrono_literals;
using test::utc;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::task;

struct Printed {
    int code = 0;
    std::string out;
    std::string err;
};

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

class TheClient : public ::testing::Test {
  protected:
    TheClient() : backend(history), api(folder.path("")) {
        directory = ::open(folder.path("").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
        backend.daemon.version = "1.2.3";
        backend.daemon.pid = 4711;
        backend.daemon.started = utc("2026-03-28T12:00");
        backend.daemon.now = utc("2026-03-29T12:00");
        for (const char* name : {"backup", "upload"}) {
            backend.tasks.push_back(testing::status_of(task(name).cron("0 2 * * *")));
            backend.tasks.back().since = utc("2026-03-29T11:55");
        }
        backend.daemon.tasks = 2;
        backend.reload_answer = http::ReloadAnswer{};
        serve();
    }
    ~TheClient() override { ::close(directory); }
    TheClient(const TheClient&) = delete;
    TheClient& operator=(const TheClient&) = delete;

    void serve() { server.emplace(backend, directory, socket_name); }

    template <class Command>
    Printed run(Command command, std::size_t width = 0, bool on_terminal = false) {
        std::ostringstream out;
        std::ostringstream err;
        const Surroundings around{out, err, on_terminal, false, width, utc("2026-03-29T12:00"), {}};
        const int code = execute(command, api, around);
        return {code, out.str(), err.str()};
    }
    void add_run(engine::RunId id, std::optional<Outcome> outcome, std::uint32_t attempts = 1) {
        engine::RunRecord record;
        record.id = id;
        record.task = "backup";
        record.instant = record.claimed_at = record.last_instant = utc("2026-03-29T02:00");
        record.attempts = attempts;
        if (outcome) {
            record.ended_at = utc("2026-03-29T02:01");
            record.result = engine::AttemptResult{*outcome, {}, "", 61s};
        }
        const std::lock_guard lock(history.mutex);
        for (std::uint32_t number = 1; number <= attempts; ++number) {
            engine::AttemptRecord attempt;
            attempt.run = id;
            attempt.number = number;
            if (outcome || number < attempts) attempt.result = engine::AttemptResult{};
            history.attempt_records[id].push_back(attempt);
        }
        history.records.push_back(record);
    }
    void end_run(engine::RunId id) {
        const std::lock_guard lock(history.mutex);
        for (auto& record : history.records) {
            if (record.id == id)
                record.result = engine::AttemptResult{Outcome::success, {}, "", {}};
        }
        for (auto& attempt : history.attempt_records[id]) {
            attempt.result = engine::AttemptResult{Outcome::success, {}, "", {}};
        }
    }
    void print(engine::RunId id, std::uint32_t attempt, const std::string& bytes,
               bool is_error = false, bool complete = true) {
        const std::lock_guard lock(history.mutex);
        history.outputs[{id, attempt}].spans.push_back({is_error, bytes});
        history.outputs[{id, attempt}].complete = complete;
    }
    static LogsCommand logs() {
        LogsCommand command;
        command.task = "backup";
        command.interval = 5ms;
        return command;
    }

    testing::TemporaryDirectory folder;
    int directory = -1;
    testing::FakeHistory history;
    testing::FakeBackend backend;
    ApiClient api;
    std::optional<http::Server> server;
};

TEST_F(TheClient, SaysThatNoDaemonIsReachableAndWhatToDo) {
    server.reset();
    const Printed printed = run(StatusCommand{});
    EXPECT_EQ(printed.code, 3);
    EXPECT_EQ(printed.out, "");
    EXPECT_THAT(
        printed.err,
        AllOf(HasSubstr(folder.path("") + "/bansuri.sock"), HasSubstr("No such file or directory"),
              HasSubstr("start it with: bansuri run --state " + folder.path(""))));
}

TEST_F(TheClient, SaysThatTheDaemonIsNotForItsUser) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        if (::setresuid(65534, 65534, 65534) != 0) ::_exit(10);
        const Printed printed = run(StatusCommand{});
        const bool fine =
            printed.code == 3 &&
            printed.err.find("Permission denied; only root and the user who") != std::string::npos;
        ::_exit(fine ? 0 : 11);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
}

TEST_F(TheClient, TakesWhatIsNoDaemonForNone) {
    server.reset();
    const std::string path = folder.path("bansuri.sock");
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const testing::UnixClient stranger;
    ASSERT_EQ(::bind(stranger.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              0);
    ASSERT_EQ(::listen(stranger.fd(), 5), 0);
    const auto answer_with = [&](std::string_view bytes) {
        return std::thread([fd = stranger.fd(), bytes] {
            const int peer = ::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
            char buffer[1024];
            (void)!::recv(peer, buffer, sizeof buffer, 0);
            ::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            ::close(peer);
        });
    };
    struct Row {
        std::string_view bytes;
        int code;
        const char* says;
    };
    const Row rows[] = {
        {"", 3, "it closed the connection"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{", 3, "in the middle of its answer"},
        {"SSH-2.0-OpenSSH\r\n\r\n", 1, "is no daemon of Bansuri"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 1, "did not answer with JSON"},
        {"HTTP/1.1 500 X\r\nContent-Length: 3\r\n\r\nabc", 1, "the daemon answered 500"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.says);
        std::thread answering = answer_with(row.bytes);
        const Printed printed = run(StatusCommand{});
        answering.join();
        EXPECT_EQ(printed.code, row.code);
        EXPECT_THAT(printed.err, HasSubstr(row.says));
    }
}

TEST_F(TheClient, AsksThroughADirectoryWhosePathNoAddressHasRoomFor) {
    const std::string deep = folder.path(std::string(100, 'a') + "/" + std::string(100, 'b'));
    std::filesystem::create_directories(deep);
    const int far = ::open(deep.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    {
        const http::Server there(backend, far, socket_name);
        EXPECT_EQ(ApiClient(deep).get("/api/v1/version").value().at("pid"), 4711);
    }
    ::close(far);
}

TEST_F(TheClient, StatusIsATable) {
    engine::TaskStatus& status = backend.tasks.front();
    status.state = TaskState::running;
    status.runs.push_back({17, 2, 99, utc("2026-03-29T11:55"), utc("2026-03-29T11:55")});
    status.next = utc("2026-03-30T02:00");
    status.last = engine::LastRun{16, Outcome::failed, utc("2026-03-29T02:00")};
    backend.daemon.runs_alive = 1;
    EXPECT_EQ(
        run(StatusCommand{}).out,
        "bansuri 1.2.3, daemon 1 (pid 4711), up 1d, 2 tasks, 1 run alive\n\n"
        "TASK    STATE    SINCE  NEXT              LAST RUN        NOTE\n"
        "backup  RUNNING     5m  2026-03-30 02:00  FAILED 10h ago  run 17, attempt 2, pid 99\n"
        "upload  PENDING     5m  -                 -\n");
}

TEST_F(TheClient, StatusNamesWhatIsDegradedAndARefusedConfiguration) {
    backend.daemon.problems = {{"store", "disk full\x1b[2J"}};
    backend.daemon.configuration = "/etc/scripts.json";
    backend.daemon.configuration_error = "/etc/scripts.json:3:1: error: no";
    EXPECT_THAT(run(StatusCommand{}).out,
                AllOf(HasSubstr("\ndegraded: store: disk full\\x1b[2J\n"),
                      HasSubstr("\nthe configuration /etc/scripts.json was refused, the one before "
                                "it is in force: /etc/scripts.json:3:1: error: no\n")));
}

TEST_F(TheClient, StatusOfAnUnknownTaskSuggestsAnother) {
    StatusCommand command;
    command.tasks = {"bakcup"};
    const Printed printed = run(command);
    EXPECT_EQ(printed.code, 1);
    EXPECT_EQ(printed.err,
              "bansuri status: there is no task \"bakcup\"; did you mean \"backup\"?\n");
    command.tasks = {"back*"};
    EXPECT_THAT(run(command).out, AllOf(HasSubstr("backup"), Not(HasSubstr("upload"))));
}

TEST_F(TheClient, StatusFitsANarrowTerminal) {
    backend.tasks.push_back(testing::status_of(task(std::string(100, 'n')).every(5min)));
    std::istringstream lines(run(StatusCommand{}, 60, true).out);
    std::string line;
    std::getline(lines, line);  // the head is a sentence
    while (std::getline(lines, line)) EXPECT_LE(line.size(), 60u + 2) << line;  // one ellipsis
}

TEST_F(TheClient, JsonIsWhatTheApiAnswers) {
    StatusCommand status;
    status.client.json = true;
    EXPECT_EQ(Json::parse(run(status).out).at("tasks").size(), 2u);
    HistoryCommand past;
    past.client.json = true;
    add_run(1, Outcome::success);
    EXPECT_EQ(Json::parse(run(past).out).at("runs").at(0).at("run"), 1);
    WhyCommand why;
    why.client.json = true;
    why.task = "backup";
    EXPECT_EQ(Json::parse(run(why).out).at("state"), "PENDING");
    ReloadCommand reload;
    reload.client.json = true;
    EXPECT_EQ(Json::parse(run(reload).out).at("result"), "unchanged");
    LogsCommand output = logs();
    output.client.json = true;
    print(1, 1, "hello");
    EXPECT_EQ(Json::parse(run(output).out).at("spans").at(0).at("text"), "hello");
}

TEST_F(TheClient, HistoryIsATableNewestFirst) {
    add_run(1, Outcome::success);
    add_run(2, Outcome::skipped, 0);
    history.records.back().skipped_count = 3;
    history.records.back().result->reason = "missed: Bansuri was not running";
    add_run(3, Outcome::failed, 2);
    history.records.back().result->status = ExitStatus::exited(3);
    add_run(4, std::nullopt);
    EXPECT_EQ(run(HistoryCommand{}).out,
              "RUN  TASK    INSTANT             OUTCOME  TOOK  ATTEMPTS  NOTE\n"
              "  4  backup  02:00               (alive)   10h         1\n"
              "  3  backup  02:00               FAILED   1m1s         2  exit code 3\n"
              "  2  backup  02:00 (and 2 more)  SKIPPED     -         -  missed: Bansuri was not "
              "running\n"
              "  1  backup  02:00               SUCCESS  1m1s         1\n");
    HistoryCommand failed;
    failed.outcome = "FAILED";
    EXPECT_THAT(run(failed).out, Not(HasSubstr("SUCCESS")));
    failed.outcome = "GREAT";
    EXPECT_EQ(run(failed).code, 2);
}

TEST_F(TheClient, HistoryGoesThroughAsManyPagesAsItTakes) {
    for (engine::RunId id = 1; id <= 2500; ++id) add_run(id, Outcome::success);
    HistoryCommand command;
    command.client.json = true;
    command.count = 2345;
    const Json document = Json::parse(run(command).out);
    ASSERT_EQ(document.at("runs").size(), 2345u);
    EXPECT_EQ(document.at("runs").back().at("run"), 156);
}

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
              const Surroundings around{out, err};
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

TEST_F(TheClient, WhyPrintsSentences) {
    add_run(1, Outcome::success);
    WhyCommand command;
    command.task = "backup";
    backend.tasks.front().next = utc("2026-03-30T02:00");
    EXPECT_EQ(run(command).out,
              "backup: PENDING\n"
              "It waits for its next instant.\n"
              "The last run that ended, run 1 (of 02:00) succeeded at 02:01, after 1m1s.\n"
              "It is due next on 2026-03-30 02:00 (0 2 * * * UTC).\n");
}

TEST_F(TheClient, ReloadPrintsWhatChangedOrWhyItWasRefused) {
    EXPECT_EQ(run(ReloadCommand{}).out, "the configuration has not changed\n");
    backend.reload_answer->applied = engine::ConfigurationApplied{4, 20, 1, 2, 3, 5};
    EXPECT_EQ(run(ReloadCommand{}).out,
              "generation 4: 20 tasks, 1 added, 2 removed, 3 restarted, 5 changed in place\n");
    backend.reload_answer = http::ReloadAnswer{{}, true, {"scripts.json:1:1: error: no"}};
    const Printed refused = run(ReloadCommand{});
    EXPECT_EQ(refused.code, 1);
    EXPECT_EQ(refused.out, "");
    EXPECT_THAT(refused.err, HasSubstr("scripts.json:1:1: error: no\n"));
}

TEST_F(TheClient, ShutdownWaitsUntilTheDaemonHasGone) {
    ShutdownCommand command;
    command.timeout = 100ms;
    const Printed late = run(command);
    EXPECT_EQ(late.code, 1);
    EXPECT_THAT(late.err, HasSubstr("it has not ended within 100ms"));
    command.timeout = 20s;
    std::thread ending([&] {
        EXPECT_TRUE(backend.waits_for_ends(2));
        server->stop();
    });
    EXPECT_EQ(run(command).code, 0);
    ending.join();
    EXPECT_EQ(backend.asked, "shutdown shutdown ");
    EXPECT_EQ(run(command).code, 3);
}

TEST_F(TheClient, RestartDaemonWaitsUntilTheNextOneAnswers) {
    RestartDaemonCommand command;
    command.timeout = 100ms;
    EXPECT_EQ(run(command).code, 1);
    command.timeout = 20s;
    std::thread restarting([&] {
        EXPECT_TRUE(backend.waits_for_ends(2));
        server->stop();
        backend.number = 4;
        server.reset();
        serve();
    });
    const Printed printed = run(command);
    restarting.join();
    EXPECT_EQ(printed.code, 0);
    EXPECT_EQ(printed.out, "daemon 4 (pid 4711), version 1.2.3, took over from daemon 3\n");
}

}  // namespace
}  // namespace bansuri::cli
