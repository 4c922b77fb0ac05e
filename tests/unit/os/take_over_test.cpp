// SPDX-License-Identifier: MIT
//
// The engine's ProcessLauncher when a daemon follows another one: what the keeper holds, taking it
// over, and adopting what a dead keeper left.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "os/keeper_client.hpp"
#include "unit/keeper/keeper_process.hpp"

namespace bansuri::os {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using engine::EndCause;
using engine::HeldAttempt;
using engine::LaunchSpec;
using engine::Process;
using engine::Stream;
using ProcessPtr = std::unique_ptr<Process>;

class Collector final : public engine::OutputSink {
  public:
    void write(Stream, std::string_view bytes) override { output.append(bytes); }
    asio::awaitable<void> ready() override { co_return; }
    std::string output;
};

/// One daemon: a loop and a client of the keeper.
struct Daemon {
    explicit Daemon(keeper::UniqueFd socket)
        : client(std::make_unique<KeeperClient>(loop.get_executor(), std::move(socket))) {}

    bool until(const std::function<bool()>& claim) {
        const auto deadline = std::chrono::steady_clock::now() + keeper::patience;
        loop.restart();
        while (!claim()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            loop.run_for(5ms);
            loop.restart();
        }
        return true;
    }
    template <class T>
    T wait(asio::awaitable<T> answer) {
        std::optional<T> result;
        asio::co_spawn(loop, std::move(answer), [&](const std::exception_ptr&, T value) {
            result.emplace(std::move(value));
        });
        EXPECT_TRUE(until([&] { return result.has_value(); }));
        return std::move(*result);
    }
    ProcessPtr start(LaunchSpec spec, Collector& sink) {
        auto process = wait(client->start(std::move(spec), sink, [] {}));
        EXPECT_TRUE(process);
        return std::move(*process);
    }
    std::vector<HeldAttempt> held() { return wait(client->held()); }

    asio::io_context loop{1};
    std::unique_ptr<KeeperClient> client;
};

LaunchSpec shell(std::uint64_t run, const std::string& script) {
    LaunchSpec spec;
    spec.id = {run, 1};
    spec.argv = {"/bin/sh", "-c", script};
    spec.environment = {"PATH=/usr/bin:/bin"};
    spec.working_directory = "/";
    spec.standard_error = {OutputTarget::Kind::combined, ""};
    spec.label = "task " + std::to_string(run);
    return spec;
}

class TakeOver : public testing::Test {
  protected:
    TakeOver() : first(std::make_unique<Daemon>(keeper.next_daemon())) {}
    ~TakeOver() override { std::filesystem::remove(go()); }
    static std::string go() { return "/tmp/bansuri-go-" + std::to_string(::getpid()); }
    static std::string wait_for_go() {
        return "while [ ! -e " + go() + " ]; do sleep 0.01; done; ";
    }
    static void let_go() { std::ofstream(go()).close(); }
    /// The first daemon dies as by kill -9: it says nothing any more.
    Daemon& next() {
        first->client->detach();
        keeper.kill_daemon();
        second = std::make_unique<Daemon>(keeper.next_daemon());
        return *second;
    }
    keeper::SupervisedKeeper keeper;
    Collector before;
    Collector after;
    std::unique_ptr<Daemon> first;
    std::unique_ptr<Daemon> second;
};

TEST_F(TakeOver, GivenARunningAttempt_ThenPidLabelOutputAndStatusCarryOver) {
    const ProcessPtr process =
        first->start(shell(1, "echo one; " + wait_for_go() + "echo two; exit 6"), before);
    ASSERT_TRUE(first->until([&] { return before.output == "one\n"; }));
    const engine::ProcessIdentity identity = process->identity();
    EXPECT_GT(identity.start_time, 0U);
    EXPECT_NE(identity.output_pipe, 0U);
    EXPECT_EQ(identity.error_pipe, 0U);  // combined

    Daemon& daemon = next();
    const auto held = daemon.held();
    ASSERT_EQ(held.size(), 1U);
    EXPECT_EQ(held[0].id, (engine::AttemptId{1, 1}));
    EXPECT_EQ(held[0].process, identity);
    EXPECT_EQ(held[0].label, "task 1");
    int changes = 0;
    const auto taken = daemon.client->take_over({1, 1}, after, [&] { ++changes; });
    ASSERT_TRUE(taken);
    EXPECT_EQ(daemon.client->take_over({1, 1}, after, [] {}), nullptr);
    EXPECT_EQ(daemon.client->take_over({2, 1}, after, [] {}), nullptr);
    let_go();
    ASSERT_TRUE(daemon.until([&] { return taken->gone(); }));
    EXPECT_EQ(taken->exit_status(), ExitStatus::exited(6));
    EXPECT_EQ(after.output, "two\n");
    EXPECT_GT(changes, 0);
    EXPECT_EQ(taken->end_cause(), EndCause::none);
}

TEST_F(TakeOver, GivenOneThatEndedMeanwhile_ThenTheRestOfItsOutputArrivesBeforeItIsGone) {
    const ProcessPtr process =
        first->start(shell(1, "echo one; " + wait_for_go() + "seq 1 9000; exit 3"), before);
    ASSERT_TRUE(first->until([&] { return before.output == "one\n"; }));
    const pid_t pid = process->pid();
    first->client->detach();
    keeper.kill_daemon();
    let_go();
    ASSERT_TRUE(keeper::eventually([&] { return !keeper::alive(pid); }));
    Daemon daemon(keeper.next_daemon());
    ASSERT_EQ(daemon.held().size(), 1U);
    bool told = false;
    const auto taken = daemon.client->take_over({1, 1}, after, [&] { told = true; });
    ASSERT_TRUE(taken);
    EXPECT_FALSE(taken->gone());
    ASSERT_TRUE(daemon.until([&] { return taken->gone(); }));
    EXPECT_TRUE(told);
    EXPECT_EQ(taken->exit_status(), ExitStatus::exited(3));
    EXPECT_EQ(after.output.substr(0, 4), "1\n2\n");
    EXPECT_EQ(after.output.substr(after.output.size() - 10), "8999\n9000\n");
    EXPECT_EQ(after.output.size(), 9U * 2 + 90U * 3 + 900U * 4 + 8001U * 5);
}

TEST_F(TakeOver, GivenAnEndThatWasUnderWay_ThenItsCauseIsKnownAndTheFirstOneCounts) {
    const ProcessPtr process =
        first->start(shell(1, "trap '' TERM; echo one; while :; do sleep 0.01; done"), before);
    ASSERT_TRUE(first->until([&] { return before.output == "one\n"; }));
    process->end(1h, EndCause::time_limit);
    EXPECT_EQ(process->end_cause(), EndCause::time_limit);
    const auto sync = first->start(shell(2, "exit 0"), before);  // the keeper has read it then
    Daemon& daemon = next();
    ASSERT_EQ(daemon.held().size(), 2U);
    const auto taken = daemon.client->take_over({1, 1}, after, [] {});
    EXPECT_EQ(taken->end_cause(), EndCause::time_limit);
    taken->end(0s, EndCause::stop);
    ASSERT_TRUE(daemon.until([&] { return taken->gone(); }));
    EXPECT_EQ(taken->end_cause(), EndCause::time_limit);
    EXPECT_EQ(taken->exit_status(), ExitStatus::signalled(SIGKILL));
}

TEST_F(TakeOver, GivenAttemptsThatAreNotTakenOver_ThenTheyAreLeftAlone) {
    ProcessPtr process = first->start(shell(1, "exec sleep 1000"), before);
    const pid_t pid = process->pid();
    next();
    ASSERT_EQ(second->held().size(), 1U);
    second->client.reset();
    process.reset();
    first.reset();
    keeper.kill_daemon();
    Daemon third(keeper.next_daemon());
    ASSERT_EQ(third.held().size(), 1U);
    EXPECT_TRUE(keeper::alive(pid));
}

TEST_F(TakeOver, GivenAReplace_WhenProcessesAreDestroyed_ThenTheyLiveOn) {
    ProcessPtr process = first->start(shell(1, "exec sleep 1000"), before);
    const pid_t pid = process->pid();
    EXPECT_TRUE(first->client->replace());
    EXPECT_FALSE(first->client->leave());  // too late
    process.reset();
    first.reset();
    keeper.kill_daemon();
    Daemon daemon(keeper.next_daemon());
    EXPECT_EQ(daemon.held().size(), 1U);
    EXPECT_TRUE(keeper::alive(pid));
}

TEST_F(TakeOver, GivenALeave_ThenTheKeeperEndsWithTheDaemon) {
    const ProcessPtr process = first->start(shell(1, "exec sleep 1000"), before);
    const pid_t pid = process->pid();
    EXPECT_TRUE(first->client->leave());
    keeper.kill_daemon();
    EXPECT_TRUE(keeper.join().has_value());
    EXPECT_FALSE(keeper::alive(pid));
}

TEST_F(TakeOver, GivenMoreAttemptsThanDescriptors_ThenEachIsTakenOverInItsTurn) {
    constexpr std::uint64_t count = 150;
    std::vector<ProcessPtr> processes;
    for (std::uint64_t run = 1; run <= count; ++run) {
        LaunchSpec spec = shell(run, wait_for_go() + "echo x; exit 2");
        spec.standard_error = {OutputTarget::Kind::capture, ""};
        processes.push_back(first->start(std::move(spec), before));
    }
    first->client->detach();
    processes.clear();
    first.reset();
    keeper.kill_daemon();
    Daemon daemon(keeper.next_daemon());
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const int open = keeper::open_descriptors(::getpid());
    const rlimit few{static_cast<rlim_t>(open) + 60, limit.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &few);
    const auto held = daemon.held();
    EXPECT_EQ(held.size(), count);
    EXPECT_LE(keeper::open_descriptors(::getpid()), open + 2);
    std::vector<ProcessPtr> taken;
    for (const HeldAttempt& one : held) {
        taken.push_back(daemon.client->take_over(one.id, after, [] {}));
        ASSERT_TRUE(taken.back());
    }
    let_go();
    const bool all = daemon.until([&] {
        return std::all_of(taken.begin(), taken.end(), [](const auto& one) { return one->gone(); });
    });
    ::setrlimit(RLIMIT_NOFILE, &limit);
    EXPECT_TRUE(all);
    for (const auto& one : taken) EXPECT_EQ(one->exit_status(), ExitStatus::exited(2));
    EXPECT_EQ(after.output.size(), 2 * count);
}

TEST_F(TakeOver, GivenBothProcessesDead_ThenWhatLivesIsAdoptedAndTheRestIsNotFound) {
    const ProcessPtr process =
        first->start(shell(1, "echo one; " + wait_for_go() + "seq 1 20000; exit 9"), before);
    ASSERT_TRUE(first->until([&] { return before.output == "one\n"; }));
    engine::AdoptSpec spec;
    spec.id = {1, 1};
    spec.process = process->identity();
    spec.label = "adopted";
    first->client->detach();
    keeper.kill();
    let_go();  // it blocks on a full pipe that nobody reads

    keeper::SupervisedKeeper another;
    Daemon daemon(another.next_daemon());
    EXPECT_TRUE(daemon.held().empty());
    EXPECT_TRUE(daemon.wait(daemon.client->adopt(spec)));
    EXPECT_EQ(daemon.wait(daemon.client->adopt(spec)).error().code, ErrorCode::already_claimed);
    const auto taken = daemon.client->take_over({1, 1}, after, [] {});
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->identity(), spec.process);
    ASSERT_TRUE(daemon.until([&] { return taken->gone(); }));
    EXPECT_EQ(taken->exit_status(), ExitStatus::exited(9));
    EXPECT_EQ(after.output.substr(after.output.size() - 6), "20000\n");
    EXPECT_EQ(after.output.size(), 9U * 2 + 90U * 3 + 900U * 4 + 9000U * 5 + 10001U * 6);

    spec.id = {2, 1};
    const auto nobody = daemon.wait(daemon.client->adopt(spec));
    ASSERT_FALSE(nobody);
    EXPECT_EQ(nobody.error().code, ErrorCode::not_found);
    EXPECT_EQ(daemon.client->take_over({2, 1}, after, [] {}), nullptr);
}

}  // namespace
}  // namespace bansuri::os
