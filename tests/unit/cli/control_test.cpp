// SPDX-License-Identifier: MIT
//
// `bansuri why`, `reload`, `shutdown` and `restart-daemon` against a fake daemon.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "client_fixture.hpp"

namespace bansuri::cli {
namespace {

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

TEST_F(TheClient, ATimeoutIsMeasuredByAClockThatNobodySets) {
    const auto begun = std::chrono::steady_clock::now();
    MonoTime now{};
    // Whatever a look takes, as of a daemon that answers slowly, is of the timeout.
    mono_now = [&now] { return now += 1min; };
    ShutdownCommand shutdown;
    shutdown.timeout = 2min;
    EXPECT_THAT(run(shutdown).err, HasSubstr("it has not ended within 2m"));
    EXPECT_EQ(now, MonoTime(3min));
    RestartDaemonCommand restart;
    restart.timeout = 2min;
    EXPECT_THAT(run(restart).err, HasSubstr("no other daemon has answered within 2m"));
    EXPECT_EQ(now, MonoTime(6min));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 1min);
}

TEST_F(TheClient, ADaemonThatGivesNoAnswerIsNotWaitedForBeyondTheTimeout) {
    const auto begun = std::chrono::steady_clock::now();
    server.reset();
    // The kernel takes connections for it, and nobody answers.
    const int mute = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = api.socket_path();
    ASSERT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ::unlink(path.c_str());
    ASSERT_EQ(::bind(mute, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(mute, 10), 0);
    RestartDaemonCommand command;
    command.timeout = 200ms;
    const Printed printed = run(command);
    EXPECT_EQ(printed.code, 3);
    EXPECT_THAT(printed.err, HasSubstr("gave no answer: it took too long"));
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 30s);
    ::close(mute);
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
