// SPDX-License-Identifier: MIT
//
// How the client reaches a daemon, and the tables that it prints.
#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <thread>

#include "client_fixture.hpp"
#include "support/unix_client.hpp"

namespace bansuri::cli {
namespace {

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

TEST_F(TheClient, JsonHasNoCharacterThatATerminalObeys) {
    const std::string odd("\xc2\x9b\x7f\x1b");
    backend.tasks.front().reason = odd;
    add_run(1, Outcome::failed);
    history.records.back().result->reason = odd;
    print(1, 1, odd);
    StatusCommand status;
    HistoryCommand past;
    LogsCommand output = logs();
    status.client.json = past.client.json = output.client.json = true;
    for (const std::string& out : {run(status).out, run(past).out, run(output).out}) {
        EXPECT_EQ(out.find_first_of(odd), std::string::npos) << out;
        EXPECT_THAT(out, HasSubstr("\\u009b\\u007f\\u001b"));
    }
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

}  // namespace
}  // namespace bansuri::cli
