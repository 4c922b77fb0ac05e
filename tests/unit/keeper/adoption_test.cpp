// SPDX-License-Identifier: MIT
//
// What lives on after its keeper was killed is taken in by another one: who it is, how it ended,
// what it writes, and what is ended with it; and nobody else is.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "keeper/boot_clock.hpp"
#include "keeper/exit_evidence.hpp"
#include "keeper/proc_file.hpp"
#include "unit/keeper/keeper_process.hpp"

namespace bansuri::keeper {
namespace {

using namespace std::chrono_literals;

const AttemptId id{4713'000'000 + static_cast<std::uint64_t>(::getpid()), 1};
constexpr auto at_once = std::chrono::microseconds(0);

UniqueFd pidfd_of(pid_t pid) {
    return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

std::uint64_t start_time_of(pid_t pid) {
    const auto info = ProcessInfo::read(pid);
    return info ? info->start_time : 0;
}

Adopt adoption_of(const Started& started) {
    Adopt adopt;
    adopt.pid = started.pid;
    adopt.start_time = started.start_time;
    adopt.output_pipe = started.output_pipe;
    adopt.error_pipe = started.error_pipe;
    adopt.stop_timeout_us = 10'000'000;
    return adopt;
}

void adopt(Peer& peer, const Adopt& body, AttemptId as = id) {
    peer.send(LabelledPacket(MessageType::adopt, as, body, "label").bytes());
}

bool kernel_tells_exit() {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(1);
    const UniqueFd pidfd = pidfd_of(child);
    ::waitpid(child, nullptr, 0);
    return evidence_of_pidfd(pidfd.get()).status.has_value();
}

TEST(ExitEvidence, GivenAZombie_ThenItsStatusIsThatOfProcAndOnlyForTheProcessThatIsMeant) {
    for (const int code : {0, 42}) {
        const pid_t child = ::fork();
        if (child == 0) ::_exit(code);
        const std::uint64_t start_time = start_time_of(child);
        siginfo_t ended{};
        ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
        EXPECT_EQ(status_of_zombie(child, start_time), code << 8);
        EXPECT_FALSE(status_of_zombie(child, start_time + 1));
        ::waitpid(child, nullptr, 0);
        EXPECT_FALSE(status_of_zombie(child, start_time));
    }
    EXPECT_FALSE(status_of_zombie(::getpid(), start_time_of(::getpid())));  // which lives
}

TEST(ExitEvidence, GivenAPidfd_ThenTheKernelTellsOnceItWasReapedAndNotBefore) {
    if (!kernel_tells_exit()) GTEST_SKIP() << "Linux before 6.15";
    const pid_t child = ::fork();
    if (child == 0) {
        ::raise(SIGKILL);
        ::_exit(0);
    }
    const UniqueFd pidfd = pidfd_of(child);
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);
    EXPECT_FALSE(evidence_of_pidfd(pidfd.get()).status);
    EXPECT_TRUE(evidence_of_pidfd(pidfd.get()).may_come);
    ::waitpid(child, nullptr, 0);
    EXPECT_EQ(evidence_of_pidfd(pidfd.get()).status, SIGKILL);
}

/// A keeper that is killed, and one that comes after it. Orphans are given to the test, which reaps
/// them when it wants to.
class Adoption : public testing::TestWithParam<ContainmentKind> {
  protected:
    void SetUp() override {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
        peer.send(encode(MessageType::hello, {}, Hello{}));
        const auto hello = peer.expect(MessageType::hello, {}).body<Hello>();
        if (hello.containment != GetParam()) GTEST_SKIP() << "no writable cgroup v2 here";
    }
    static Options options() {
        Options options;
        options.use_cgroups = GetParam() == ContainmentKind::cgroups;
        return options;
    }
    /// Starts it under the first keeper, and kills that once the attempt has written a line.
    Started orphan(const Order& order) {
        Peer first(dead.socket());
        const Started started = first.launch(id, order);
        line = first.read_line(id);
        dead.kill();
        return started;
    }
    /// The same, adopted.
    Started adopted(const Order& order) {
        const Started started = orphan(order);
        adopt(peer, adoption_of(started));
        Arrived answer = peer.expect(MessageType::started, id);
        EXPECT_EQ(answer.body<Started>().pid, started.pid);
        EXPECT_EQ(answer.body<Started>().captured, started.captured);
        for (UniqueFd& fd : answer.fds) pipes.push_back(std::move(fd));
        return started;
    }
    static void reap(pid_t pid) { ::waitpid(pid, nullptr, 0); }
    std::string read_all() {
        std::string text;
        eventually([&] {
            std::array<char, 65536> piece;
            const ssize_t size = ::read(pipes.at(0).get(), piece.data(), piece.size());
            if (size > 0) text.append(piece.data(), static_cast<std::size_t>(size));
            return size == 0;
        });
        return text;
    }
    KeeperProcess dead{options()};
    KeeperProcess keeper{options()};
    Peer peer{keeper.socket()};
    std::string line;
    std::vector<UniqueFd> pipes;
};
INSTANTIATE_TEST_SUITE_P(, Adoption,
                         testing::Values(ContainmentKind::cgroups, ContainmentKind::processes),
                         [](const auto& suite) {
                             return suite.param == ContainmentKind::cgroups ? "Cgroups"
                                                                            : "Processes";
                         });

TEST_P(Adoption, GivenATaskWhoseKeeperIsDead_WhenAdopted_ThenOutputAndStatusAreExact) {
    // More than a pipe holds: it waits, and is not killed by SIGPIPE, until it is read again.
    Order order = shell("echo ready; head -c 300000 /dev/zero; echo; echo end; exit 41");
    const Started started = orphan(order);
    EXPECT_TRUE(alive(started.pid));
    adopt(peer, adoption_of(started));
    Arrived answer = peer.expect(MessageType::started, id);
    ASSERT_EQ(answer.fds.size(), 1U);
    pipes.push_back(std::move(answer.fds[0]));
    const std::string text = read_all();
    EXPECT_EQ(text.substr(text.find_first_not_of('\0')), "\nend\n");
    const auto end = peer.finish(id);
    EXPECT_EQ(WEXITSTATUS(end.status), 41);
    reap(started.pid);
}

TEST_P(Adoption, GivenAReaperThatIsQuick_ThenTheStatusIsTheKernels) {
    if (!kernel_tells_exit()) GTEST_SKIP() << "Linux before 6.15";
    const Started started = adopted(shell("echo ready; read line < /dev/null; exec sleep 1000"));
    ::kill(keeper.pid(), SIGSTOP);
    ::kill(started.pid, SIGUSR1);
    reap(started.pid);
    ::kill(keeper.pid(), SIGCONT);
    const auto exited = peer.expect(MessageType::exited, id).body<Exited>();
    EXPECT_EQ(exited.status_unknown, 0U);
    EXPECT_EQ(WTERMSIG(exited.wait_status), SIGUSR1);
}

TEST_P(Adoption, WhenListed_ThenAnAdoptedAttemptIsLikeAnyOther) {
    const Started started = adopted(shell("echo ready; exec sleep 1000"));
    peer.send(encode(MessageType::list, id));
    const Arrived shown = peer.expect(MessageType::attempt, id);
    EXPECT_EQ(shown.labelled<Held>().label, "label");
    EXPECT_EQ(shown.labelled<Held>().body.started.output_pipe, started.output_pipe);
    EXPECT_EQ(shown.fds.size(), 1U);
    peer.end(id, at_once, EndCause::stop);
    const auto exited = peer.expect(MessageType::exited, id).body<Exited>();
    EXPECT_EQ(WTERMSIG(exited.wait_status), SIGKILL);
    EXPECT_EQ(exited.cause, EndCause::stop);
    reap(started.pid);
}

TEST_P(Adoption, WhenEndedWithGrace_ThenItGetsSigtermAndAfterTheGraceAllOfItIsKilled) {
    const Started started =
        adopted(shell("trap 'echo term' TERM; (trap '' TERM; sleep 1000) & echo $!; while :; do "
                      "sleep 0.01; done"));
    const pid_t child = std::stoi(line);
    peer.end(id, 300ms);
    EXPECT_NE(read_all().find("term"), std::string::npos);
    EXPECT_EQ(WTERMSIG(peer.finish(id).status), SIGKILL);
    EXPECT_FALSE(alive(child));
    reap(started.pid);
}

TEST_P(Adoption, GivenOrphansOfItsSession_WhenTheLeaderExits_ThenTheyAreEnded) {
    const Started started =
        adopted(shell("sleep 1000 & echo $!; while [ ! -e /tmp/go-$BANSURI_RUN_ID ]; do "
                      "sleep 0.01; done; exit 3"));
    const pid_t child = std::stoi(line);
    const std::string go = "/tmp/go-" + std::to_string(id.run);
    std::ofstream(go).close();
    EXPECT_EQ(WEXITSTATUS(peer.finish(id).status), 3);
    ::unlink(go.c_str());
    EXPECT_FALSE(alive(child));
    reap(started.pid);
}

TEST_P(Adoption, GivenADoubleFork_WhenEnded_ThenItIsFoundAsFarAsTheRulesGo) {
    // In a session of its own, but its parent lives.
    const Started started =
        adopted(shell("sh -c \"setsid sh -c 'echo \\$\\$; sleep 1000' & wait\" & wait"));
    const pid_t child = std::stoi(line);
    peer.end(id, at_once);
    peer.finish(id);
    EXPECT_TRUE(eventually([&] { return !alive(child); }));
    reap(started.pid);
}

TEST_P(Adoption, GivenATaskThatSentItsOutputElsewhere_ThenTheChildThatStillWritesIsRead) {
    const Started started = adopted(
        shell("sh -c 'echo ready; while [ ! -e /tmp/go-$BANSURI_RUN_ID ]; do sleep 0.01; done; "
              "echo child' & exec >/dev/null 2>&1; wait; exit 0"));
    const std::string go = "/tmp/go-" + std::to_string(id.run);
    std::ofstream(go).close();
    EXPECT_EQ(read_all(), "child\n");
    EXPECT_EQ(WEXITSTATUS(peer.finish(id).status), 0);
    ::unlink(go.c_str());
    reap(started.pid);
}

TEST_P(Adoption, GivenOneThatIsNotWhoIsMeant_ThenItIsRefusedAndLeftAlone) {
    const Started started = orphan(shell("echo ready; exec sleep 1000"));
    Adopt wrong = adoption_of(started);
    ++wrong.start_time;
    adopt(peer, wrong);
    EXPECT_EQ(peer.expect(MessageType::spawn_error, id).body<SpawnError>().error, ESRCH);
    Adopt keeper_itself = wrong;
    keeper_itself.pid = keeper.pid();
    keeper_itself.start_time = start_time_of(keeper.pid());
    adopt(peer, keeper_itself);
    EXPECT_EQ(peer.expect(MessageType::spawn_error, id).body<SpawnError>().error, ESRCH);
    ::kill(started.pid, SIGKILL);
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(started.pid), &ended, WEXITED | WNOWAIT);
    adopt(peer, adoption_of(started));  // a zombie
    EXPECT_EQ(peer.expect(MessageType::spawn_error, id).body<SpawnError>().error, ESRCH);
    reap(started.pid);
    adopt(peer, adoption_of(started));  // nobody
    EXPECT_EQ(peer.expect(MessageType::spawn_error, id).body<SpawnError>().error, ESRCH);
    peer.send(encode(MessageType::adopt, id));  // no body
    EXPECT_EQ(peer.expect(MessageType::spawn_error, id).body<SpawnError>().error, EBADMSG);
    peer.send(encode(MessageType::list, {}));
    peer.expect(MessageType::list_end, {});
    EXPECT_FALSE(peer.has(MessageType::attempt, id));
}

TEST_P(Adoption, GivenALeaderThatHasLeftItsCgroup_WhenEnded_ThenItIsKilledAllTheSame) {
    const Started started =
        adopted(shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"));
    if (GetParam() == ContainmentKind::cgroups) {
        ASSERT_TRUE(move_out_of_its_cgroup(started.pid));
    }
    peer.end(id, 50ms);
    EXPECT_EQ(WTERMSIG(peer.finish(id).status), SIGKILL);
    reap(started.pid);
}

TEST_P(Adoption, WhenTheKeeperEndsForGood_ThenTheAdoptedEndWithIt) {
    const Started started =
        adopted(shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"));
    keeper.hang_up();
    EXPECT_EQ(keeper.join(), 0);
    EXPECT_FALSE(alive(started.pid));
    reap(started.pid);
}

TEST(AdoptionLimits, GivenTooFewDescriptors_ThenPipesAreGivenUpFirstAndWhatIsHeldCanBeEnded) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    constexpr std::uint32_t count = 70;
    constexpr std::uint32_t at_least = 40;
    std::vector<Started> orphans;
    {
        Options options;
        options.use_cgroups = false;
        KeeperProcess dead(options);
        Peer first(dead.socket());
        Order order = shell("exec sleep 1000");
        order.error = TargetKind::pipe;
        for (std::uint32_t i = 1; i <= count; ++i) {
            orphans.push_back(first.launch({id.run, i}, order));
        }
        dead.kill();
    }
    // 64 of them are to stay free.
    KeeperProcess keeper({}, [] {
        const rlimit few{128, 128};
        ::setrlimit(RLIMIT_NOFILE, &few);
    });
    Peer peer(keeper.socket());
    std::vector<bool> held(count);
    for (std::uint32_t i = 0; i < count; ++i) {
        const AttemptId one{id.run, i + 1};
        adopt(peer, adoption_of(orphans[i]), one);
        const Arrived answer = peer.answer_to_start(one);
        held[i] = answer.header.type == MessageType::started;
        if (i < at_least) {
            EXPECT_TRUE(held[i]) << i;
        } else if (!held[i]) {
            EXPECT_EQ(answer.body<SpawnError>().error, EMFILE);
        }
    }
    EXPECT_FALSE(held.back());
    for (std::uint32_t i = 0; i < count; ++i) {
        if (held[i]) {
            peer.end({id.run, i + 1}, 1h);
            EXPECT_EQ(WTERMSIG(peer.finish({id.run, i + 1}).status), SIGTERM);
        } else {
            ::kill(orphans[i].pid, SIGKILL);
        }
        ::waitpid(orphans[i].pid, nullptr, 0);
    }
}

TEST(AdoptionStatus, GivenAStatusThatNobodyTells_ThenItIsUnknownAndNotSuccess) {
    if (::getuid() != 0) GTEST_SKIP() << "needs root";
    const pid_t child = ::fork();
    if (child == 0) {
        for (;;) ::pause();
    }
    // A keeper of another user may not look at the zombie; there the field shows 0.
    KeeperProcess keeper({}, [] {
        if (::setgid(1234) != 0 || ::setuid(1234) != 0) ::_exit(1);
    });
    Peer peer(keeper.socket());
    Adopt body;
    body.pid = child;
    body.start_time = start_time_of(child);
    body.survive = Survive::all;
    adopt(peer, body);
    peer.expect(MessageType::started, id);
    const auto begin = std::chrono::steady_clock::now();
    ::kill(child, SIGKILL);
    const auto exited = peer.expect(MessageType::exited, id).body<Exited>();
    EXPECT_NE(exited.status_unknown, 0U);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 20s);
    ::waitpid(child, nullptr, 0);
}

/// In a pid namespace of its own, where a number can be given out again. The result says which
/// claim failed.
int with_a_reused_number() {
    ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    if (::mount("proc", "/proc", "proc", 0, nullptr) < 0) return 77;
    Options options;
    options.use_cgroups = false;
    KeeperProcess dead(options);
    KeeperProcess keeper(options);
    Peer first(dead.socket());
    Peer peer(keeper.socket());
    const Started started = first.launch(id, shell("echo ready; exec sleep 1000"));
    dead.kill();
    adopt(peer, adoption_of(started));
    peer.expect(MessageType::started, id);
    // Its end is not seen before the number has gone to another, which leads a session by it.
    ::kill(keeper.pid(), SIGSTOP);
    ::kill(started.pid, SIGKILL);
    if (::waitpid(started.pid, nullptr, 0) != started.pid) return 1;  // we are process 1
    // Two that start in the same tick cannot be told apart, but then the number comes too soon.
    const auto tick = 1'000'000'000ns / ::sysconf(_SC_CLK_TCK);
    eventually([&] { return static_cast<std::uint64_t>(boot_now() / tick) > started.start_time; });
    const std::string before = std::to_string(started.pid - 1);
    const bool chosen = write_small_file(AT_FDCWD, "/proc/sys/kernel/ns_last_pid", before);
    const pid_t stranger = ::fork();
    if (stranger == 0) {
        ::setsid();
        for (;;) ::pause();
    }
    if (!chosen) ::kill(keeper.pid(), SIGCONT);
    if (!chosen) return 77;
    peer.end(id, at_once);
    ::kill(keeper.pid(), SIGCONT);
    if (stranger != started.pid) return 3;
    if (start_time_of(stranger) == started.start_time) return 4;
    peer.finish(id);
    if (!alive(stranger)) return 7;
    adopt(peer, adoption_of(started));
    if (peer.expect(MessageType::spawn_error, id).body<SpawnError>().error != ESRCH) return 5;
    if (!alive(stranger)) return 6;
    ::kill(stranger, SIGKILL);
    ::waitpid(stranger, nullptr, 0);
    return 0;
}

TEST(AdoptionStatus, GivenALeaderWhoseNumberWasGivenToAnother_ThenTheStrangerIsLeftAlone) {
    const pid_t outside = ::fork();
    if (outside == 0) {
        if (::unshare(CLONE_NEWPID | CLONE_NEWNS) < 0) ::_exit(77);
        const pid_t init = ::fork();
        if (init == 0) {
            int result = 99;
            try {
                result = with_a_reused_number();
            } catch (const std::exception& error) {
                std::fprintf(stderr, "%s\n", error.what());
            }
            ::_exit(result);
        }
        int status = 0;
        ::waitpid(init, &status, 0);
        ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 98);
    }
    int status = 0;
    ASSERT_TRUE(eventually([&] { return ::waitpid(outside, &status, WNOHANG) == outside; }));
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs root";
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace bansuri::keeper
