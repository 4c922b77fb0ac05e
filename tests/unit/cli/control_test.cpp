// SPDX-License-Identifier: MIT
//
// `bansuri why`, `reload`, `shutdown` and `restart-daemon` against a fake daemon.
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
