// SPDX-License-Identifier: MIT
//
// keeper::run: the keeper with a daemon of its own. A shell script plays the daemon; the keeper
// runs in a forked process.
#include "keeper/run.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include <csignal>

#include "unit/keeper/keeper_process.hpp"

namespace bansuri::keeper {
namespace {

/// `bansuri run` with a daemon that is a script; its stdout and stderr are read here.
class Running {
  public:
    explicit Running(const std::string& script, Options options = {}) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) < 0) throw std::runtime_error("pipe2");
        output_.reset(ends[0]);
        const UniqueFd theirs(ends[1]);
        pid_ = ::fork();
        if (pid_ != 0) return;
        ::dup2(theirs.get(), STDOUT_FILENO);
        ::dup2(theirs.get(), STDERR_FILENO);
        DaemonCommand command;
        command.path = "/bin/sh";
        command.argv = {"sh", "-c", script};
        command.environment = {"PATH=/usr/bin:/bin"};
        ::_exit(run(command, options));
    }
    ~Running() {
        if (pid_ < 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    pid_t pid() const { return pid_; }
    std::string read_line() {
        std::string line;
        for (char byte = 0; ::read(output_.get(), &byte, 1) == 1 && byte != '\n';) line += byte;
        return line;
    }
    int join() {
        int status = -1;
        EXPECT_TRUE(eventually([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; }));
        pid_ = -1;
        return status;
    }

  private:
    UniqueFd output_;
    pid_t pid_ = -1;
};

TEST(KeeperRun, GivenADaemonThatExits_ThenTheKeeperExitsWithItsCode) {
    Running running("exit 17");
    EXPECT_EQ(WEXITSTATUS(running.join()), 17);
}

TEST(KeeperRun, GivenADaemon_ThenItHasTheSocketItsOwnSessionAndNoOtherDescriptor) {
    Running running(
        "ls /proc/self/fd | tr '\\n' ' '; echo; readlink /proc/$$/fd/3; "
        "echo $$ $(cut -d' ' -f6 /proc/$$/stat)");
    EXPECT_EQ(running.read_line(), "0 1 2 3 4 ");  // 4 is what ls looks through
    EXPECT_EQ(running.read_line().find("socket:"), 0U);
    const std::string ids = running.read_line();
    EXPECT_EQ(ids.substr(0, ids.find(' ')), ids.substr(ids.find(' ') + 1));
    EXPECT_EQ(running.join(), 0);
}

TEST(KeeperRun, GivenSignals_ThenEachIsPassedOnToTheDaemon) {
    Running running(
        "trap 'echo hup' HUP; trap 'echo int; n=x$n; [ $n = xx ] && exit 4' INT; "
        "echo ready; while :; do sleep 0.01; done");
    EXPECT_EQ(running.read_line(), "ready");
    ::kill(running.pid(), SIGHUP);
    EXPECT_EQ(running.read_line(), "hup");
    ::kill(running.pid(), SIGINT);
    EXPECT_EQ(running.read_line(), "int");
    ::kill(running.pid(), SIGINT);
    EXPECT_EQ(running.read_line(), "int");
    EXPECT_EQ(WEXITSTATUS(running.join()), 4);
}

TEST(KeeperRun, GivenADaemonThatIsKilled_ThenTheKeeperSaysSoAndExitsWithOne) {
    Running running("kill -KILL $$");
    EXPECT_EQ(running.read_line(),
              "bansuri: the daemon was killed by signal 9 (SIGKILL); its tasks are ended");
    EXPECT_EQ(WEXITSTATUS(running.join()), 1);
}

TEST(KeeperRun, GivenADaemonThatCannotStart_ThenTheKeeperSaysSo) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        DaemonCommand command;
        command.path = "/nowhere/bansuri";
        command.argv = {"bansuri"};
        ::_exit(run(command));
    }
    int status = 0;
    ASSERT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(KeeperRun, GivenPidOneOfAContainer_ThenItReapsAllPassesSignalsOnAndEndsWithItsDaemon) {
    constexpr int no_container = 77;
    const pid_t outside = ::fork();
    if (outside == 0) {
        if (::unshare(CLONE_NEWPID | CLONE_NEWNS) < 0) ::_exit(no_container);
        const pid_t init = ::fork();
        if (init == 0) {
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
            if (::mount("proc", "/proc", "proc", 0, nullptr) < 0) ::_exit(no_container);
            DaemonCommand command;
            command.path = "/bin/sh";
            // Leaves orphans, waits until no zombie is left of them, and signals PID 1.
            command.argv = {"sh", "-c",
                            "trap 'exit 9' TERM; (sleep 0.01 & sleep 0.01 &); (setsid true &); "
                            "sleep 0.1; while grep -q '^State:.Z' /proc/[0-9]*/status; do :; done; "
                            "[ $PPID = 1 ] && kill -TERM 1; while :; do sleep 0.01; done"};
            command.environment = {"PATH=/usr/bin:/bin"};
            ::_exit(run(command));
        }
        int status = 0;
        ::waitpid(init, &status, 0);
        ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
    }
    int status = 0;
    ASSERT_TRUE(eventually([&] { return ::waitpid(outside, &status, WNOHANG) == outside; }));
    if (WEXITSTATUS(status) == no_container) GTEST_SKIP() << "needs root";
    EXPECT_EQ(WEXITSTATUS(status), 9);
}

TEST(KeeperRun, GivenOrphansOfOthers_ThenTheyAreReaped) {
    // As PID 1 of a container the keeper is handed whatever loses its parent.
    Running running(
        "(sleep 0.05 & sleep 0.05 &) ; (true &); echo ready; trap 'exit 0' TERM; "
        "while :; do sleep 0.01; done");
    EXPECT_EQ(running.read_line(), "ready");
    EXPECT_TRUE(eventually([&] { return children_of(running.pid()) == 1; }));
    ::kill(running.pid(), SIGTERM);
    EXPECT_EQ(running.join(), 0);
}

}  // namespace
}  // namespace bansuri::keeper
