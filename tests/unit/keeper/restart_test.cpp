// SPDX-License-Identifier: MIT
//
// What the keeper does when a daemon dies: attempts run on, another daemon follows, and nothing
// that was said or signalled is lost in between.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "keeper/boot_clock.hpp"
#include "keeper/supervisor.hpp"
#include "unit/keeper/keeper_process.hpp"

namespace bansuri::keeper {
namespace {

using namespace std::chrono_literals;

const AttemptId id{4712'000'000 + static_cast<std::uint64_t>(::getpid()), 1};
const AttemptId other{id.run, 2};
constexpr auto at_once = std::chrono::microseconds(0);

/// The signals that wait for a process, by number.
bool has_pending(pid_t pid, int number) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with("ShdPnd:")) continue;
        return (std::stoull(line.substr(8), nullptr, 16) >> (number - 1) & 1U) != 0;
    }
    return false;
}

std::vector<AttemptId> listed(Peer& peer) {
    peer.send(encode(MessageType::list, {}));
    std::vector<AttemptId> ids;
    peer.expect(MessageType::list_end, {});
    for (const AttemptId one : {id, other}) {
        if (!peer.has(MessageType::attempt, one)) continue;
        peer.expect(MessageType::attempt, one);
        ids.push_back(one);
    }
    return ids;
}

Held held(Peer& peer, AttemptId one) {
    peer.send(encode(MessageType::list, one));
    return peer.expect(MessageType::attempt, one).labelled<Held>().body;
}

TEST(KeeperRestart, GivenAKilledDaemon_ThenTasksRunOnAndTheNextOneGetsThemWithLabelCauseAndOutput) {
    SupervisedKeeper keeper;
    const UniqueFd first = keeper.next_daemon();
    Order order = shell(
        "trap '' TERM; echo one; read line < /proc/self/fd/0; "
        "while [ ! -e /tmp/go-$BANSURI_RUN_ID ]; do sleep 0.01; done; "
        "echo two; exit 5");
    order.label = "label";
    Peer one(first.get());
    const Started started = one.launch(id, order);
    EXPECT_EQ(one.read_line(id), "one");
    EXPECT_NE(started.output_pipe, 0U);
    one.end(id, 1h, EndCause::time_limit);
    one.end(id, 1h, EndCause::stop);  // the first cause counts
    one.sync();
    keeper.kill_daemon();

    const UniqueFd second = keeper.next_daemon();
    EXPECT_EQ(keeper.read_line(),
              "bansuri: the daemon was killed by signal 9 (SIGKILL); "
              "restarting it in 1 ms, 1 task runs on");
    Peer two(second.get());
    two.send(encode(MessageType::list, id));
    const Arrived shown = two.expect(MessageType::attempt, id);
    EXPECT_EQ(shown.labelled<Held>().label, "label");
    const Held state = shown.labelled<Held>().body;
    EXPECT_EQ(state.state, AttemptState::running);
    EXPECT_EQ(state.cause, EndCause::time_limit);
    EXPECT_EQ(state.started.pid, started.pid);
    EXPECT_EQ(state.started.output_pipe, started.output_pipe);
    ASSERT_EQ(shown.fds.size(), 1U);
    EXPECT_TRUE(alive(started.pid));

    const std::string go = "/tmp/go-" + std::to_string(id.run);
    std::ofstream(go).close();
    const Arrived exited = two.expect(MessageType::exited, id);
    std::filesystem::remove(go);
    EXPECT_EQ(WEXITSTATUS(exited.body<Exited>().wait_status), 5);
    EXPECT_EQ(exited.body<Exited>().cause, EndCause::time_limit);
    std::array<char, 16> text{};
    EXPECT_EQ(::read(shown.fds[0].get(), text.data(), text.size()), 4);
    EXPECT_STREQ(text.data(), "two\n");
}

TEST(KeeperRestart, GivenEndsThatADeadDaemonWasNotTold_ThenTheNextOneLearnsThemByList) {
    SupervisedKeeper keeper;
    const UniqueFd first = keeper.next_daemon();
    Peer one(first.get());
    const Started started = one.launch(id, shell("exit 7"));
    one.launch(other, shell("exec sleep 1000"));
    ASSERT_TRUE(eventually([&] { return !alive(started.pid); }));
    keeper.kill_daemon();  // with `exited` unread in its socket
    const UniqueFd second = keeper.next_daemon();
    Peer two(second.get());
    EXPECT_EQ(listed(two), (std::vector{id, other}));
    EXPECT_EQ(held(two, id).state, AttemptState::gone);
    EXPECT_EQ(WEXITSTATUS(held(two, id).exited.wait_status), 7);
    // And from there on by ordinary messages.
    two.end(other, at_once, EndCause::stop);
    const auto exited = two.expect(MessageType::exited, other).body<Exited>();
    EXPECT_EQ(WTERMSIG(exited.wait_status), SIGKILL);
    EXPECT_EQ(exited.cause, EndCause::stop);
    two.ack(id);
    two.ack(other);
    EXPECT_TRUE(listed(two).empty());
    EXPECT_FALSE(two.has(MessageType::exited, id));
}

TEST(KeeperRestart, GivenRequestsThatADeadDaemonLeftUnread_ThenTheyAreDoneBeforeTheNextOneLists) {
    SupervisedKeeper keeper;
    const UniqueFd first = keeper.next_daemon();
    Peer one(first.get());
    ::kill(keeper.pid(), SIGSTOP);
    one.start(id, shell("exec sleep 1000"));
    for (std::uint32_t attempt = 10; attempt < 100; ++attempt) {
        Order refused = shell("true");
        refused.directory = "/nowhere";  // answers that nobody will read
        one.start({id.run, attempt}, refused);
    }
    one.start(other, shell("exec sleep 1000"));
    keeper.kill_daemon();
    ::kill(keeper.pid(), SIGCONT);
    const UniqueFd second = keeper.next_daemon();
    Peer two(second.get());
    EXPECT_EQ(listed(two), (std::vector{id, other}));
    EXPECT_FALSE(two.has(MessageType::spawn_error, {id.run, 10}));
}

TEST(KeeperRestart, GivenALeaveThatIsUnreadWhenTheDaemonIsReaped_ThenItStillCounts) {
    SupervisedKeeper keeper;
    const UniqueFd first = keeper.next_daemon();
    Peer one(first.get());
    const Started started = one.launch(id, shell("trap '' TERM; exec sleep 1000"));
    ::kill(keeper.pid(), SIGSTOP);
    one.send(encode(MessageType::leave, {}));
    keeper.kill_daemon();
    ::kill(keeper.pid(), SIGCONT);
    const auto status = keeper.join();
    ASSERT_TRUE(status);
    EXPECT_EQ(WEXITSTATUS(*status), 1);
    EXPECT_FALSE(alive(started.pid));
}

TEST(KeeperRestart, GivenASignalWhileNoDaemonIsThere_ThenOneIsStartedAtOnceAndHasIt) {
    Options options = SupervisedKeeper::quick();
    options.backoff.first = options.backoff.longest = 1h;
    SupervisedKeeper keeper(options);
    const UniqueFd first = keeper.next_daemon();
    keeper.kill_daemon();
    EXPECT_NE(keeper.read_line().find("restarting it in 3600000 ms"), std::string::npos);
    ::kill(keeper.pid(), SIGHUP);
    const UniqueFd second = keeper.next_daemon();
    EXPECT_TRUE(eventually([&] { return has_pending(keeper.daemon(), SIGHUP); }));
}

TEST(KeeperRestart, GivenADaemonThatDiesBeforeItHasEnded_ThenTheNextOneIsToldToEndAgain) {
    SupervisedKeeper keeper;
    const UniqueFd first = keeper.next_daemon();
    ::kill(keeper.pid(), SIGTERM);
    ASSERT_TRUE(eventually([&] { return has_pending(keeper.daemon(), SIGTERM); }));
    keeper.kill_daemon();
    const UniqueFd second = keeper.next_daemon();
    EXPECT_TRUE(eventually([&] { return has_pending(keeper.daemon(), SIGTERM); }));
}

TEST(KeeperRestart, GivenAPause_ThenTheKeeperStillReapsEndsWithGraceAndDrains) {
    Options options = SupervisedKeeper::quick();
    options.backoff.first = options.backoff.longest = 1h;
    SupervisedKeeper keeper(options);
    UniqueFd first = keeper.next_daemon();
    Peer one(first.get());
    const Started started =
        one.launch(id, shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"));
    EXPECT_EQ(one.read_line(id), "ready");
    one.end(id, 300ms);
    one.sync();
    keeper.kill_daemon();
    EXPECT_NE(keeper.read_line().find("1 task runs on"), std::string::npos);
    EXPECT_TRUE(eventually([&] { return !alive(started.pid); }));
    EXPECT_TRUE(eventually([&] { return children_of(keeper.pid()) == 0; }));
    ::kill(keeper.pid(), SIGTERM);
    const UniqueFd second = keeper.next_daemon();
    Peer two(second.get());
    EXPECT_EQ(held(two, id).state, AttemptState::gone);
}

TEST(KeeperRestart, GivenDescriptorsToPassOn_ThenEveryDaemonHasThemAndNoTask) {
    const UniqueFd lock(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const UniqueFd high(::fcntl(lock.get(), F_DUPFD_CLOEXEC, 40));
    ASSERT_GE(high.get(), 40);
    SupervisedKeeper keeper(SupervisedKeeper::quick(),
                            [&](DaemonCommand& command) { command.descriptors = {high.get()}; });
    const auto has_it = [&](pid_t pid) {
        return std::filesystem::exists("/proc/" + std::to_string(pid) + "/fd/" +
                                       std::to_string(high.get()));
    };
    const UniqueFd first = keeper.next_daemon();
    EXPECT_TRUE(has_it(keeper.daemon()));
    Peer one(first.get());
    const Started started = one.launch(id, shell("exec sleep 1000"));
    EXPECT_FALSE(has_it(started.pid));
    keeper.kill_daemon();
    const UniqueFd second = keeper.next_daemon();
    EXPECT_TRUE(has_it(keeper.daemon()));
}

/// A directory with programs that can be replaced.
class KeeperReplace : public testing::Test {
  protected:
    void SetUp() override {
        char name[] = "/tmp/bansuri-replace-XXXXXX";
        directory_ = ::mkdtemp(name);
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    std::string installed() const { return directory_ + "/bansuri"; }
    std::function<void(DaemonCommand&)> with_installed() const {
        return [file = installed()](DaemonCommand& command) { command.installed_path = file; };
    }
    void install(const std::string& script) const {
        std::ofstream(installed()) << script;
        std::filesystem::permissions(installed(), std::filesystem::perms::owner_all);
    }
    static std::string program_of(pid_t pid) {
        std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline");
        return {std::istreambuf_iterator<char>(file), {}};
    }
    void replace(SupervisedKeeper& keeper, int socket) const {
        send_packet(socket, encode(MessageType::replace, {}));
        keeper.kill_daemon();
        EXPECT_EQ(keeper.read_line(), "bansuri: the daemon ended to be replaced; starting \"" +
                                          installed() + "\", 1 task runs on");
    }
    std::string directory_;
};

TEST_F(KeeperReplace, GivenAReplace_ThenTheInstalledProgramFollowsAndAfterACrashAgain) {
    // It says hello as a daemon does, and stays.
    install("#!/bin/sh\nexec sleep 1001\n");
    Options options = SupervisedKeeper::quick();
    options.backoff.enough_life = 0ms;
    SupervisedKeeper keeper(options, with_installed());
    const UniqueFd first = keeper.next_daemon();
    EXPECT_NE(program_of(keeper.daemon()).find("1000"), std::string::npos);
    const Started started = Peer(first.get()).launch(id, shell("exec sleep 1000"));
    replace(keeper, first.get());
    const UniqueFd second = keeper.next_daemon();
    EXPECT_TRUE(
        eventually([&] { return program_of(keeper.daemon()).find("1001") != std::string::npos; }));
    EXPECT_TRUE(alive(started.pid));
    keeper.kill_daemon();
    const UniqueFd third = keeper.next_daemon();
    EXPECT_TRUE(
        eventually([&] { return program_of(keeper.daemon()).find("1001") != std::string::npos; }));
}

TEST_F(KeeperReplace, GivenAnInstalledProgramThatDiesOnceItWasReady_ThenItFollowsItself) {
    install("#!/bin/sh\nread line < /dev/null\nexec sleep 1001\n");
    SupervisedKeeper keeper(SupervisedKeeper::quick(), with_installed());
    const UniqueFd first = keeper.next_daemon();
    Peer(first.get()).launch(id, shell("exec sleep 1000"));
    replace(keeper, first.get());
    const UniqueFd second = keeper.next_daemon();
    Peer two(second.get());
    two.send(encode(MessageType::ready, {}));
    two.sync();
    // Whatever ends it now, an upgrade is not taken back a week later.
    install("#!/bin/sh\n[ -e " + installed() + ".again ] && exec sleep 1001\n: > " + installed() +
            ".again\nexit 2\n");
    keeper.kill_daemon();
    EXPECT_NE(keeper.read_line().find("killed by signal 9"), std::string::npos);
    keeper.skip_daemon();
    EXPECT_NE(keeper.read_line().find("ended with code 2, unasked; restarting it"),
              std::string::npos);
    const UniqueFd fourth = keeper.next_daemon();
    EXPECT_TRUE(
        eventually([&] { return program_of(keeper.daemon()).find("1001") != std::string::npos; }));
}

TEST_F(KeeperReplace, GivenAFailureThatMayPass_ThenTheInstalledProgramIsTriedAgain) {
    install("#!/bin/sh\n[ -e " + installed() + ".again ] && exec sleep 1001\n: > " + installed() +
            ".again\nkill -KILL $$\n");  // as the OOM killer does
    SupervisedKeeper keeper(SupervisedKeeper::quick(), with_installed());
    const UniqueFd first = keeper.next_daemon();
    Peer(first.get()).launch(id, shell("exec sleep 1000"));
    replace(keeper, first.get());
    keeper.skip_daemon();
    const UniqueFd third = keeper.next_daemon();
    EXPECT_TRUE(
        eventually([&] { return program_of(keeper.daemon()).find("1001") != std::string::npos; }));
}

TEST_F(KeeperReplace, GivenAFallBack_WhenReplacedAgain_ThenTheInstalledProgramIsTriedAnew) {
    install("#!/bin/sh\nexit 2\n");
    SupervisedKeeper keeper(SupervisedKeeper::quick(), with_installed());
    const UniqueFd first = keeper.next_daemon();
    Peer(first.get()).launch(id, shell("exec sleep 1000"));
    replace(keeper, first.get());
    EXPECT_NE(keeper.read_line().find("going back"), std::string::npos);
    keeper.skip_daemon();
    const UniqueFd third = keeper.next_daemon();
    install("#!/bin/sh\nexec sleep 1001\n");
    replace(keeper, third.get());
    const UniqueFd fourth = keeper.next_daemon();
    EXPECT_TRUE(
        eventually([&] { return program_of(keeper.daemon()).find("1001") != std::string::npos; }));
}

TEST_F(KeeperReplace, GivenOneThatGreetsAndDiesBeforeItIsReady_ThenTheOneThatRanBeforeFollows) {
    install("#!/bin/sh\nsleep 0.2\nexit 1\n");
    Options options = SupervisedKeeper::quick();
    options.backoff.enough_life = 0ms;  // a long life does not count as ready
    SupervisedKeeper keeper(options, with_installed());
    const UniqueFd first = keeper.next_daemon();
    Peer(first.get()).launch(id, shell("exec sleep 1000"));
    replace(keeper, first.get());
    const UniqueFd second = keeper.next_daemon();
    Peer(second.get()).send(encode(MessageType::hello, {}, Hello{}));
    EXPECT_NE(keeper.read_line().find("ended with code 1, unasked, before it could work; going "
                                      "back"),
              std::string::npos);
    const UniqueFd third = keeper.next_daemon();
    EXPECT_NE(program_of(keeper.daemon()).find("1000"), std::string::npos);
}

TEST_F(KeeperReplace, GivenNoInstalledProgram_ThenTheOneThatRanBeforeFollows) {
    SupervisedKeeper keeper(SupervisedKeeper::quick(), with_installed());
    const UniqueFd first = keeper.next_daemon();
    const Started started = Peer(first.get()).launch(id, shell("exec sleep 1000"));
    replace(keeper, first.get());
    EXPECT_EQ(keeper.read_line(), "bansuri: exec \"" + installed() +
                                      "\": No such file or directory, before it could work; going "
                                      "back to the program that ran before, 1 task runs on");
    keeper.skip_daemon();
    const UniqueFd third = keeper.next_daemon();
    EXPECT_NE(program_of(keeper.daemon()).find("1000"), std::string::npos);
    EXPECT_TRUE(alive(started.pid));
}

TEST_F(KeeperReplace, GivenAnInstalledProgramThatDiesAtOnce_ThenTheOneThatRanBeforeFollows) {
    install("#!/bin/sh\nexit 2\n");
    SupervisedKeeper keeper(SupervisedKeeper::quick(), with_installed());
    const UniqueFd first = keeper.next_daemon();
    const Started started = Peer(first.get()).launch(id, shell("exec sleep 1000"));
    replace(keeper, first.get());
    EXPECT_EQ(keeper.read_line(),
              "bansuri: the daemon ended with code 2, unasked, before it could work; going back to "
              "the program that ran before, 1 task runs on");
    keeper.skip_daemon();
    const UniqueFd third = keeper.next_daemon();
    EXPECT_NE(program_of(keeper.daemon()).find("1000"), std::string::npos);
    EXPECT_TRUE(alive(started.pid));
}

// The rules alone, with a program that ends at once.
class Lives : public testing::Test {
  protected:
    Lives() {
        command_.path = "/bin/true";
        command_.argv = {"true"};
        backoff_.first = 1ms;
        backoff_.longest = 8ms;
    }
    /// Starts a daemon, waits for its end, and says how long the next pause is; -1: there is none.
    long live(Supervisor& supervisor, Supervisor::Tasks tasks) {
        const UniqueFd socket = supervisor.start();
        const pid_t pid = supervisor.pid();
        EXPECT_GT(pid, 0);
        int status = 0;
        ::waitpid(pid, &status, 0);
        supervisor.reaped(status);
        const BootTime before = boot_now();
        if (!supervisor.goes_on(tasks)) return -1;
        const BootTime after = boot_now();
        // The pause counts from a moment between the two.
        const auto at_least = (supervisor.due() - after) / 1ms;
        const auto at_most = (supervisor.due() - before) / 1ms;
        pause_ = {at_least, at_most};
        return static_cast<long>(at_most);
    }
    DaemonCommand command_;
    Backoff backoff_;
    std::pair<long, long> pause_;
};

TEST_F(Lives, GivenShortLives_ThenThePauseDoublesUpToItsLimitAndTheTenthIsTheLast) {
    Supervisor supervisor(command_, {}, true, backoff_);
    for (const long expected : {1, 2, 4, 8, 8, 8, 8, 8, 8}) {
        const long pause = live(supervisor, {});
        EXPECT_LE(pause, expected + 1);
        EXPECT_GE(pause, expected);
    }
    EXPECT_EQ(live(supervisor, {}), -1);
    EXPECT_EQ(supervisor.exit_code(), 1);
}

TEST_F(Lives, GivenTasksThatNeedADaemon_ThenItIsNeverGivenUpUnlessItWasAskedToEnd) {
    Supervisor supervisor(command_, {}, true, backoff_);
    const Supervisor::Tasks tasks{1, 1};
    for (int i = 0; i < 15; ++i) EXPECT_GE(live(supervisor, tasks), 0);
    supervisor.forward(SIGTERM);
    EXPECT_EQ(live(supervisor, tasks), -1);
}

TEST_F(Lives, GivenALifeLongEnough_ThenTheNextStartsAtOnceAndThePausesBeginAnew) {
    Supervisor supervisor(command_, {}, true, backoff_);
    for (int i = 0; i < 4; ++i) live(supervisor, {});
    EXPECT_GE(live(supervisor, {}), 8);
    backoff_.enough_life = 0ms;
    Supervisor patient(command_, {}, true, backoff_);
    for (int i = 0; i < 15; ++i) EXPECT_LE(live(patient, {}), 0);
}

}  // namespace
}  // namespace bansuri::keeper
