// SPDX-License-Identifier: MIT
//
// Stop means gone, and what a leader leaves behind meets what `survive` says: with cgroups, and by
// the walk through /proc.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "unit/keeper/keeper_process.hpp"

namespace bansuri::keeper {
namespace {

using namespace std::chrono_literals;

// Tests run beside each other, and an id in an environment is what a process is found by.
const AttemptId id{4711'000'000 + static_cast<std::uint64_t>(::getpid()), 1};
const AttemptId other{id.run, 2};
constexpr auto at_once = std::chrono::microseconds(0);

class Ends : public testing::TestWithParam<ContainmentKind> {
  protected:
    Ends() : keeper(options()), peer(keeper.socket()) {}
    void SetUp() override {
        peer.send(encode(MessageType::hello, {}, Hello{}));
        const auto hello = peer.expect(MessageType::hello, {}).body<Hello>();
        EXPECT_EQ(hello.version, protocol_version);
        EXPECT_EQ(hello.pid, keeper.pid());
        if (hello.containment != GetParam()) GTEST_SKIP() << "no writable cgroup v2 here";
    }
    static Options options() {
        Options options;
        options.use_cgroups = GetParam() == ContainmentKind::cgroups;
        return options;
    }
    /// The pids that the attempt has written, as many as are expected.
    std::vector<pid_t> read_pids(std::size_t count) {
        std::vector<pid_t> pids;
        while (pids.size() < count) {
            std::istringstream line(peer.read_line(id));
            for (pid_t pid = 0; line >> pid;) pids.push_back(pid);
        }
        return pids;
    }
    static int living(const std::vector<pid_t>& pids) {
        return static_cast<int>(std::count_if(pids.begin(), pids.end(), alive));
    }
    static void kill_all(const std::vector<pid_t>& pids) {
        for (const pid_t pid : pids) ::kill(pid, SIGKILL);
    }

    KeeperProcess keeper;
    Peer peer;
};
INSTANTIATE_TEST_SUITE_P(, Ends,
                         testing::Values(ContainmentKind::cgroups, ContainmentKind::processes),
                         [](const auto& suite) {
                             return suite.param == ContainmentKind::cgroups ? "Cgroups"
                                                                            : "Processes";
                         });

TEST_P(Ends, GivenALeaderThatExits_ThenItsCodeAndUsageAreTold) {
    peer.launch(id, shell("exit 41"));
    const auto end = peer.finish(id);
    EXPECT_EQ(WEXITSTATUS(end.status), 41);
    EXPECT_GT(end.usage.max_rss_kib, 0);
    EXPECT_TRUE(end.survivors.empty());
}

TEST_P(Ends, GivenALeaderThatIsKilled_ThenTheSignalIsTold) {
    peer.launch(id, shell("kill -SEGV $$"));
    EXPECT_EQ(WTERMSIG(peer.finish(id).status), SIGSEGV);
}

TEST_P(Ends, GivenAPoliteTask_WhenEnded_ThenItGetsSigtermAndMayCleanUp) {
    Order order = shell("trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.01; done");
    order.error = TargetKind::null;  // the shell tells there that its sleep was terminated
    peer.launch(id, order);
    EXPECT_EQ(peer.read_line(id), "ready");
    peer.end(id, 60s);
    EXPECT_EQ(peer.read_all(id), "bye\n");
    EXPECT_EQ(WEXITSTATUS(peer.finish(id).status), 3);
}

TEST_P(Ends, GivenATaskThatIgnoresSigterm_WhenEndedWithGrace_ThenItIsKilledAfterIt) {
    peer.launch(id, shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"));
    EXPECT_EQ(peer.read_line(id), "ready");
    const auto begin = std::chrono::steady_clock::now();
    peer.end(id, 300ms);
    EXPECT_EQ(WTERMSIG(peer.finish(id).status), SIGKILL);
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 300ms);
}

TEST_P(Ends, GivenALongGrace_WhenEndedAgainWithAShorterOne_ThenTheShorterHolds) {
    peer.launch(id, shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"));
    EXPECT_EQ(peer.read_line(id), "ready");
    peer.end(id, 1h);
    peer.end(id, 1ms);
    EXPECT_EQ(WTERMSIG(peer.finish(id).status), SIGKILL);
}

TEST_P(Ends, GivenAStoppedTask_WhenEndedPolitely_ThenItWakesUpToIt) {
    const Started started = peer.launch(id, shell("kill -STOP $$; exec sleep 1000"));
    ASSERT_TRUE(eventually([&] { return ::kill(started.pid, 0) == 0; }));
    peer.end(id, 1h);
    EXPECT_EQ(WTERMSIG(peer.finish(id).status), SIGTERM);
}

TEST_P(Ends, GivenASignalForTheLeadersGroup_ThenItArrives) {
    peer.launch(id, shell("trap 'exit 7' USR1; echo ready; while :; do sleep 0.01; done"));
    EXPECT_EQ(peer.read_line(id), "ready");
    Signal signal;
    signal.number = SIGUSR1;
    peer.send(encode(MessageType::signal, id, signal));
    EXPECT_EQ(WEXITSTATUS(peer.finish(id).status), 7);
}

TEST_P(Ends, GivenDoubleForksInSessionsOfTheirOwn_WhenEnded_ThenNoneIsLeft) {
    peer.launch(id, shell("for i in 1 2 3; do (setsid sh -c 'trap \"\" TERM; sleep 1000 & "
                          "echo $$ $!; wait' &); done; exec sleep 1000"));
    const auto pids = read_pids(6);
    EXPECT_EQ(living(pids), 6);
    peer.end(id, 100ms);
    EXPECT_TRUE(peer.finish(id).survivors.empty());
    EXPECT_EQ(living(pids), 0);
}

TEST_P(Ends, GivenADaemonWhoseOrphanWipedItsEnvironment_WhenEndedWhileItsParentLives_ThenItIsGone) {
    peer.launch(id, shell("env -i setsid sh -c 'sleep 1000 & echo $$ $!; wait' & exec sleep 1000"));
    const auto pids = read_pids(2);
    peer.end(id, at_once);
    peer.finish(id);
    EXPECT_EQ(living(pids), 0);
}

TEST_P(Ends, GivenFiftyProcessesThatKeepForking_WhenEnded_ThenNoneIsLeft) {
    // Each replaces itself for ever, in a session of its own: the number stays, the pids do not.
    const std::string hop = "/tmp/bansuri-hop-" + std::to_string(keeper.pid()) + ".sh";
    FILE* const file = std::fopen(hop.c_str(), "w");
    std::fprintf(file, "setsid /bin/sh %s &\n", hop.c_str());
    std::fclose(file);
    Order order = shell("i=0; while [ $i -lt 50 ]; do setsid /bin/sh " + hop +
                        " & i=$((i+1)); done; echo ready; exec sleep 1000");
    order.output = TargetKind::pipe;
    order.error = TargetKind::null;
    peer.launch(id, order);
    EXPECT_EQ(peer.read_line(id), "ready");
    peer.end(id, at_once);
    peer.finish(id);
    ::unlink(hop.c_str());
    const ProcessTable table = ProcessTable::read();
    for (const ProcessInfo& process : table.processes()) {
        if (process.dead) continue;
        const auto named = attempt_in_environment(process.pid);
        EXPECT_FALSE(named && *named == id) << process.pid;
    }
    EXPECT_TRUE(eventually([&] { return children_of(keeper.pid()) == 0; }));
}

TEST_P(Ends, GivenAnOrphanOfTheGroup_WhenTheLeaderExits_ThenDaemonsModeEndsIt) {
    peer.launch(id, shell("sleep 1000 & echo $!"));
    const auto pids = read_pids(1);
    const auto end = peer.finish(id);
    EXPECT_EQ(end.status, 0);
    EXPECT_TRUE(end.survivors.empty());
    EXPECT_EQ(living(pids), 0);
}

TEST_P(Ends, GivenAJobOfItsOwnGroupInTheSession_WhenTheLeaderExits_ThenDaemonsModeEndsIt) {
    peer.launch(id, shell("set -m; sleep 1000 & echo $!"));
    const auto pids = read_pids(1);
    EXPECT_TRUE(peer.finish(id).survivors.empty());
    EXPECT_EQ(living(pids), 0);
}

TEST_P(Ends, GivenAnOrphanThatIgnoresSigterm_WhenTheLeaderExits_ThenItIsKilledAfterStopTimeout) {
    Order order = shell(
        "trap 'exit 5' USR1; sh -c 'trap \"\" TERM; echo $$; kill -USR1 $PPID; "
        "while :; do sleep 0.01; done' & while :; do wait; done");
    order.stop_timeout = 200ms;
    peer.launch(id, order);
    const auto pids = read_pids(1);
    EXPECT_EQ(peer.expect(MessageType::exited, id).header.flags & flag_also_gone, 0);
    peer.expect(MessageType::gone, id);
    EXPECT_EQ(living(pids), 0);
}

/// Leaves a daemon behind that has made a session of its own by then, says its pid, and exits 5.
const char* const leaves_a_daemon =
    "trap 'exit 5' USR1; "
    "setsid sh -c 'trap \"\" TERM; echo $$; kill -USR1 $PPID; while :; do sleep 0.01; done' & "
    "while :; do wait; done";

TEST_P(Ends, GivenADaemon_WhenTheLeaderExits_ThenDaemonsModeLetsItLiveAndNamesIt) {
    peer.launch(id, shell(leaves_a_daemon));
    const auto pids = read_pids(1);
    const auto end = peer.finish(id);
    EXPECT_EQ(WEXITSTATUS(end.status), 5);
    // Its own short-lived children may be named as well.
    EXPECT_NE(std::find(end.survivors.begin(), end.survivors.end(), pids[0]), end.survivors.end());
    EXPECT_TRUE(alive(pids[0]));
    kill_all(pids);
}

TEST_P(Ends, GivenADaemon_WhenTheLeaderExits_ThenNoneModeEndsItToo) {
    Order order = shell(leaves_a_daemon);
    order.survive = Survive::none;
    order.stop_timeout = 50ms;
    peer.launch(id, order);
    const auto pids = read_pids(1);
    const auto end = peer.finish(id);
    EXPECT_EQ(WEXITSTATUS(end.status), 5);
    EXPECT_TRUE(end.survivors.empty());
    EXPECT_EQ(living(pids), 0);
}

TEST_P(Ends, GivenAnOrphanOfTheGroup_WhenTheLeaderExits_ThenAllModeLetsItLive) {
    Order order = shell("sleep 1000 & echo $!");
    order.survive = Survive::all;
    peer.launch(id, order);
    const auto pids = read_pids(1);
    EXPECT_EQ(peer.finish(id).survivors, pids);
    EXPECT_EQ(living(pids), 1);
    kill_all(pids);
}

TEST_P(Ends, GivenLeftoversInTheirGrace_WhenEnded_ThenAllIsEndedAtOnce) {
    Order order = shell(leaves_a_daemon);
    order.argv[2] =
        std::string("sh -c 'trap \"\" TERM; while :; do sleep 0.01; done' & ") + leaves_a_daemon;
    order.stop_timeout = 1h;
    peer.launch(id, order);
    const auto pids = read_pids(1);
    peer.expect(MessageType::exited, id);
    EXPECT_EQ(living(pids), 1);
    peer.end(id, at_once);
    EXPECT_EQ(peer.expect(MessageType::gone, id).body<Gone>().survivors, 0U);
    EXPECT_EQ(living(pids), 0);
}

TEST_P(Ends, GivenASurvivorThatGoesOnWriting_WhenTheAttemptIsAcknowledged_ThenItIsNotKilled) {
    Order order = shell("sh -c 'echo $$; exec yes' &");
    order.survive = Survive::all;
    peer.launch(id, order);
    const pid_t survivor = std::stoi(peer.read_line(id));
    peer.finish(id);
    peer.drop_pipe(id);  // from now on only the keeper reads
    const auto written_by = [survivor] {
        std::ostringstream path;
        path << "/proc/" << survivor << "/io";
        FILE* const io = std::fopen(path.str().c_str(), "r");
        unsigned long long read = 0;
        unsigned long long written = 0;
        if (io != nullptr) {
            if (std::fscanf(io, "rchar: %llu\nwchar: %llu", &read, &written) != 2) written = 0;
            std::fclose(io);
        }
        return written;
    };
    const auto before = written_by();
    EXPECT_TRUE(eventually([&] { return written_by() > before + 1'000'000; }));
    EXPECT_TRUE(alive(survivor));
    ::kill(survivor, SIGKILL);
}

TEST_P(Ends, GivenTwoAttempts_WhenOneIsEnded_ThenTheOtherKeepsItsProcesses) {
    const std::string script = "setsid sh -c 'sleep 1000 & echo $$ $!; wait' & exec sleep 1000";
    peer.launch(id, shell(script));
    peer.launch(other, shell(script));
    const auto mine = read_pids(2);
    std::istringstream line(peer.read_line(other));
    std::vector<pid_t> others(2);
    line >> others[0] >> others[1];
    peer.end(id, at_once);
    peer.finish(id);
    EXPECT_EQ(living(mine), 0);
    EXPECT_EQ(living(others), 2);
}

TEST_P(Ends, GivenManyOrphans_ThenAllAreReapedAndNoStatusOfALeaderIsLost) {
    peer.launch(id, shell("i=0; while [ $i -lt 300 ]; do (true &); i=$((i+1)); done; echo done; "
                          "read x; exec sleep 1000"));
    EXPECT_EQ(peer.read_line(id), "done");
    for (std::uint64_t run = 1; run <= 50; ++run) {
        peer.launch({run, 1}, shell("(true &); exit 9"));
    }
    for (std::uint64_t run = 1; run <= 50; ++run) {
        EXPECT_EQ(WEXITSTATUS(peer.finish({run, 1}).status), 9);
    }
    EXPECT_TRUE(eventually([&] { return children_of(keeper.pid()) == 1; }));
}

TEST_P(Ends, GivenTwoThousandLaunches_ThenNoDescriptorAndNoZombieIsLeft) {
    Order order;
    order.argv = {"/bin/true"};
    peer.launch({1, 1}, order);
    peer.finish({1, 1});
    int before = 0;
    constexpr std::uint64_t in_flight = 8;
    constexpr std::uint64_t last = 2000;
    for (std::uint64_t run = 2; run <= last + in_flight; ++run) {
        if (run <= last) peer.start({run, 1}, order);
        if (run <= in_flight + 1) continue;
        if (run == 2 * in_flight) before = open_descriptors(keeper.pid());
        peer.expect(MessageType::started, {run - in_flight, 1});
        EXPECT_EQ(peer.finish({run - in_flight, 1}).status, 0);
    }
    EXPECT_TRUE(eventually([&] { return children_of(keeper.pid()) == 0; }));
    EXPECT_TRUE(eventually([&] { return open_descriptors(keeper.pid()) <= before; }));
}

TEST_P(Ends, GivenAttemptsInEveryState_WhenListed_ThenEachIsShownAndItsPipesWhenAskedFor) {
    Order order = shell("exec sleep 1000");
    order.label = std::string("any \0 bytes", 11);
    const Started running = peer.launch({1, 1}, order);
    peer.launch({2, 1}, shell("echo left behind; exit 6"));
    peer.expect(MessageType::exited, {2, 1});
    peer.send(encode(MessageType::list, {}));
    const auto first = peer.expect(MessageType::attempt, {1, 1});
    EXPECT_EQ(first.labelled<Held>().body.state, AttemptState::running);
    EXPECT_EQ(first.labelled<Held>().body.started.pid, running.pid);
    EXPECT_EQ(first.labelled<Held>().body.started.start_time, running.start_time);
    EXPECT_EQ(first.labelled<Held>().label, order.label);
    EXPECT_GT(running.start_time, 0U);
    EXPECT_TRUE(first.fds.empty());
    const auto second = peer.expect(MessageType::attempt, {2, 1});
    EXPECT_EQ(second.labelled<Held>().body.state, AttemptState::gone);
    EXPECT_EQ(WEXITSTATUS(second.labelled<Held>().body.exited.wait_status), 6);
    EXPECT_EQ(second.labelled<Held>().label, "");
    peer.expect(MessageType::list_end, {});
    EXPECT_TRUE(second.fds.empty());
    peer.send(encode(MessageType::list, {2, 1}));
    const auto shown = peer.expect(MessageType::attempt, {2, 1});
    ASSERT_EQ(shown.fds.size(), 1U);
    std::array<char, 64> text{};
    EXPECT_EQ(::read(shown.fds[0].get(), text.data(), text.size()), 12);
    EXPECT_STREQ(text.data(), "left behind\n");
    peer.send(encode(MessageType::list, {7, 1}));
    EXPECT_EQ(peer.expect(MessageType::spawn_error, {7, 1}).body<SpawnError>().error, ESRCH);
    peer.ack({2, 1});
    peer.send(encode(MessageType::list, {}));
    peer.expect(MessageType::list_end, {});
    EXPECT_FALSE(peer.has(MessageType::attempt, {2, 1}));
}

TEST_P(Ends, GivenADaemonThatDoesNotRead_ThenAllIsToldOnceItDoes) {
    Order order;
    order.argv = {"/bin/true"};
    order.output = TargetKind::null;
    constexpr std::uint64_t runs = 600;
    // More answers than the socket holds.
    for (std::uint64_t run = 1; run <= runs; ++run) peer.start({run, 1}, order);
    for (std::uint64_t run = 1; run <= runs; ++run) {
        peer.expect(MessageType::started, {run, 1});
        EXPECT_EQ(peer.finish({run, 1}).status, 0);
    }
}

TEST_P(Ends, GivenMessagesThatAreNone_ThenTheKeeperLivesOn) {
    std::vector<std::byte> noise(100, std::byte{0x5a});
    peer.send(noise);
    peer.send(std::vector<std::byte>(max_packet + 100));
    peer.send(encode(static_cast<MessageType>(999), id));
    peer.send(encode(MessageType::end, id));                     // no body
    peer.send(encode(MessageType::end, {9, 9}, keeper::End{}));  // nobody
    peer.ack({9, 9});
    auto spec = encode_start_packet(id, flag_spec_in_memfd, {});
    peer.send(spec);  // without the descriptor that it promises
    EXPECT_EQ(peer.expect(MessageType::spawn_error, id).body<SpawnError>().error, EBADMSG);
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    peer.send(spec, std::span(&null, 1));  // which is no sealed memory
    EXPECT_EQ(peer.expect(MessageType::spawn_error, id).body<SpawnError>().error, EPERM);
    ::close(null);
    peer.launch(id, shell("exit 3"));
    EXPECT_EQ(WEXITSTATUS(peer.finish(id).status), 3);
}

/// The leader leaves its cgroup, as root can have it.
class Moved : public Ends {
  protected:
    Started launch_and_move(const std::string& script) {
        const Started started = peer.launch(id, shell(script));
        EXPECT_EQ(peer.read_line(id), "ready");
        cgroup = cgroup_of(started.pid);
        EXPECT_NE(cgroup, cgroup_of(::getpid()));
        EXPECT_TRUE(move_out_of_its_cgroup(started.pid));
        return started;
    }
    std::string cgroup;
};
INSTANTIATE_TEST_SUITE_P(, Moved, testing::Values(ContainmentKind::cgroups),
                         [](const auto&) { return "Cgroups"; });

TEST_P(Moved, GivenALeaderOutsideOfItsCgroup_WhenEnded_ThenItGetsSigterm) {
    launch_and_move("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done");
    peer.end(id, 1h);
    EXPECT_EQ(WEXITSTATUS(peer.finish(id).status), 3);
}

TEST_P(Moved, GivenALeaderOutsideOfARemovedCgroup_WhenEnded_ThenAllOfItIsKilledAfterTheGrace) {
    const Started started = launch_and_move(
        "trap '' TERM; trap 'setsid sleep 1000 & echo $!' USR1; echo ready; "
        "while :; do sleep 0.01; done");
    ASSERT_TRUE(eventually([&] { return ::rmdir(cgroup.c_str()) == 0; }));
    ::kill(started.pid, SIGUSR1);
    const auto pids = read_pids(1);  // in a session of its own, and outside as well
    peer.end(id, 50ms);
    EXPECT_EQ(WTERMSIG(peer.finish(id).status), SIGKILL);
    EXPECT_EQ(living(pids), 0);
}

TEST_P(Moved, GivenOneThatIgnoresSigtermAndLeavesItsCgroupAfterIt_ThenItIsKilledAfterTheGrace) {
    Order order = shell("trap 'echo term' TERM; echo ready; while :; do sleep 0.01; done");
    order.error = TargetKind::null;  // the shell tells there that its sleep was terminated
    const Started started = peer.launch(id, order);
    EXPECT_EQ(peer.read_line(id), "ready");
    peer.end(id, 300ms);
    EXPECT_EQ(peer.read_line(id), "term");
    EXPECT_TRUE(move_out_of_its_cgroup(started.pid));
    EXPECT_EQ(WTERMSIG(peer.finish(id).status), SIGKILL);
}

TEST_P(Ends, WhenTheDaemonHangsUp_ThenEveryAttemptIsEndedAndTheKeeperEnds) {
    peer.launch(id, shell("trap '' TERM; (setsid sh -c 'trap \"\" TERM; echo $$; sleep 1000' &); "
                          "while :; do sleep 0.01; done"));
    const auto pids = read_pids(1);
    keeper.hang_up();
    EXPECT_EQ(keeper.join(), 0);
    EXPECT_EQ(living(pids), 0);
}

}  // namespace
}  // namespace bansuri::keeper
