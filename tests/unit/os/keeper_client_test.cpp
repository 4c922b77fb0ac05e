// SPDX-License-Identifier: MIT
//
// The engine's ProcessLauncher over a real keeper: starts, output, ends, survivors, loss.
#include "os/keeper_client.hpp"

#include <gtest/gtest.h>

#include <sys/wait.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "unit/keeper/keeper_process.hpp"

namespace bansuri::os {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using engine::LaunchSpec;
using engine::Process;
using engine::Stream;

/// Keeps what it is given, and takes a while for it if it is told to.
class Collector final : public engine::OutputSink {
  public:
    explicit Collector(asio::io_context& loop) : timer_(loop) {}
    void write(Stream stream, std::string_view bytes) override {
        total += bytes.size();
        if (keep) (stream == Stream::standard_output ? output : error).append(bytes);
        if (fail) throw std::runtime_error("disk full");
    }
    asio::awaitable<void> ready() override {
        if (delay == 0us) co_return;
        timer_.expires_after(delay);
        boost::system::error_code woken;
        auto token = asio::redirect_error(asio::use_awaitable, woken);
        co_await timer_.async_wait(token);
    }
    std::string output;
    std::string error;
    std::size_t total = 0;
    bool keep = true;
    bool fail = false;
    std::chrono::microseconds delay{0};

  private:
    asio::steady_timer timer_;
};

class KeeperClientTest : public testing::Test {
  protected:
    KeeperClientTest()
        : client(std::make_unique<KeeperClient>(loop.get_executor(), keeper.take_socket())),
          sink(loop) {}

    LaunchSpec shell(const std::string& script) {
        LaunchSpec spec;
        spec.id = {++run_, 1};
        spec.argv = {"/bin/sh", "-c", script};
        spec.environment = {"PATH=/usr/bin:/bin"};
        spec.working_directory = "/";
        return spec;
    }
    /// Runs the loop until the claim holds.
    bool until(const std::function<bool()>& claim) {
        const auto deadline = std::chrono::steady_clock::now() + keeper::patience;
        loop.restart();
        while (!claim()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            loop.run_for(10ms);
            loop.restart();
        }
        return true;
    }
    Result<std::unique_ptr<Process>> start(LaunchSpec spec) {
        std::optional<Result<std::unique_ptr<Process>>> result;
        asio::co_spawn(loop, client->start(std::move(spec), sink, [this] { ++changes; }),
                       [&](const std::exception_ptr&, Result<std::unique_ptr<Process>> answer) {
                           result = std::move(answer);
                       });
        EXPECT_TRUE(until([&] { return result.has_value(); }));
        return std::move(*result);
    }
    std::string refusal(LaunchSpec spec, ErrorCode code = ErrorCode::cannot_start) {
        const auto process = start(std::move(spec));
        EXPECT_FALSE(process);
        if (process) return {};
        EXPECT_EQ(process.error().code, code);
        return process.error().message;
    }

    keeper::KeeperProcess keeper;
    asio::io_context loop{1};
    std::unique_ptr<KeeperClient> client;
    Collector sink;
    int changes = 0;

  private:
    std::uint64_t run_ = 0;
};

TEST_F(KeeperClientTest, GivenATask_WhenItExits_ThenStatusAndOutputHaveArrivedByTheTimeItIsGone) {
    LaunchSpec spec = shell("cat; echo error >&2; exit 3");
    spec.standard_input = "input";
    const auto process = start(std::move(spec));
    ASSERT_TRUE(process);
    EXPECT_GT((*process)->pid(), 0);
    ASSERT_TRUE(until([&] { return (*process)->gone(); }));
    EXPECT_EQ((*process)->exit_status(), ExitStatus::exited(3));
    EXPECT_EQ(sink.output, "input");
    EXPECT_EQ(sink.error, "error\n");
    EXPECT_TRUE((*process)->survivors().empty());
    EXPECT_FALSE((*process)->lost());
    EXPECT_GT(changes, 0);
}

TEST_F(KeeperClientTest, GivenAKilledTask_ThenTheSignalIsItsStatus) {
    const auto process = start(shell("kill -KILL $$"));
    ASSERT_TRUE(process);
    ASSERT_TRUE(until([&] { return (*process)->exit_status().has_value(); }));
    EXPECT_EQ((*process)->exit_status(), ExitStatus::signalled(SIGKILL));
}

TEST_F(KeeperClientTest, GivenStartsThatFail_ThenTheErrorSaysWhatAndWhatToDo) {
    LaunchSpec spec = shell("true");
    spec.working_directory = "/srv/nowhere";
    EXPECT_EQ(refusal(spec),
              "working directory \"/srv/nowhere\": No such file or directory; "
              "create it or correct working-directory");
    spec = shell("true");
    spec.standard_output = {OutputTarget::Kind::file, "/tmp"};
    EXPECT_EQ(refusal(spec), "stdout: open \"/tmp\": Is a directory; name a file in it");
    spec = shell("true");
    spec.argv = {"/nowhere/program"};
    EXPECT_EQ(refusal(spec),
              "exec \"/nowhere/program\": No such file or directory; "
              "install it, or its interpreter, or correct the command");
    spec = shell(std::string(131'072, 'x'));
    EXPECT_NE(refusal(spec).find("Argument list too long"), std::string::npos);
    spec = shell("true");
    spec.environment.push_back(std::string("A=1\0B=2", 7));
    EXPECT_EQ(refusal(spec), "environment variable \"A\" has a NUL byte in it");
    spec = shell("true");
    spec.environment.assign(50, "A=" + std::string(100'000, 'x'));
    EXPECT_NE(refusal(spec).find("too large"), std::string::npos);
    // After all of that it still starts.
    EXPECT_TRUE(start(shell("true")));
}

TEST_F(KeeperClientTest, GivenAFile_ThenTheOffsetIsWhereTheAttemptBeganToAppend) {
    const std::string path = "/tmp/bansuri-offset-" + std::to_string(::getpid());
    for (const std::uint64_t offset : {0U, 4U}) {
        LaunchSpec spec = shell("echo abc");
        spec.standard_output = {OutputTarget::Kind::file, path};
        spec.standard_error = {OutputTarget::Kind::combined, ""};
        const auto process = start(std::move(spec));
        ASSERT_TRUE(process);
        EXPECT_EQ((*process)->file_offset(Stream::standard_output), offset);
        EXPECT_EQ((*process)->file_offset(Stream::standard_error), offset);
        ASSERT_TRUE(until([&] { return (*process)->gone(); }));
    }
    ::unlink(path.c_str());
}

TEST_F(KeeperClientTest, GivenMuchOutputAndASlowSink_ThenAllOfItArrivesInOrder) {
    constexpr std::size_t size = 64 * 1024 * 1024;
    sink.keep = false;
    sink.delay = 50us;
    const auto process = start(shell("head -c " + std::to_string(size) + " /dev/zero"));
    ASSERT_TRUE(process);
    ASSERT_TRUE(until([&] { return (*process)->gone(); }));
    EXPECT_EQ(sink.total, size);
    EXPECT_EQ((*process)->exit_status(), ExitStatus::exited(0));
}

TEST_F(KeeperClientTest, GivenASinkThatFails_ThenTheTaskStillRunsToItsEnd) {
    sink.fail = true;
    const auto process = start(shell("head -c 1000000 /dev/zero; exit 4"));
    ASSERT_TRUE(process);
    ASSERT_TRUE(until([&] { return (*process)->gone(); }));
    EXPECT_EQ((*process)->exit_status(), ExitStatus::exited(4));
}

TEST_F(KeeperClientTest, GivenATaskThatClosesItsOutput_ThenItsEndIsStillTheProcesss) {
    const auto process =
        start(shell("exec >&- 2>&-; while [ ! -e /tmp/none ]; do sleep 0.05; n=x$n; "
                    "[ $n = xxxxxxxx ] && exit 6; done"));
    ASSERT_TRUE(process);
    const std::clock_t before = std::clock();
    ASSERT_TRUE(until([&] { return (*process)->gone(); }));
    EXPECT_EQ((*process)->exit_status(), ExitStatus::exited(6));
    EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 5);  // nothing spins on the closed pipes
}

TEST_F(KeeperClientTest, GivenASurvivorThatHoldsThePipe_ThenTheAttemptIsGoneAfterTheDrainTime) {
    LaunchSpec spec = shell("echo before; sleep 1000 & echo $!");
    spec.survive = Survive::all;
    const auto begin = std::chrono::steady_clock::now();
    const auto process = start(std::move(spec));
    ASSERT_TRUE(process);
    ASSERT_TRUE(until([&] { return (*process)->exit_status().has_value(); }));
    EXPECT_FALSE((*process)->gone());
    ASSERT_TRUE(until([&] { return (*process)->gone(); }));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 1900ms);
    ASSERT_EQ((*process)->survivors().size(), 1U);
    const pid_t survivor = (*process)->survivors()[0];
    EXPECT_EQ(sink.output, "before\n" + std::to_string(survivor) + "\n");
    EXPECT_TRUE(keeper::alive(survivor));
    ::kill(survivor, SIGKILL);
}

TEST_F(KeeperClientTest, GivenASurvivorThatWritesWithoutEnd_ThenTheAttemptIsGoneAllTheSame) {
    LaunchSpec spec = shell("yes &");
    spec.survive = Survive::all;
    sink.keep = false;
    const auto process = start(std::move(spec));
    ASSERT_TRUE(process);
    ASSERT_TRUE(until([&] { return (*process)->gone(); }));
    ASSERT_EQ((*process)->survivors().size(), 1U);
    ::kill((*process)->survivors()[0], SIGKILL);
}

TEST_F(KeeperClientTest, GivenATaskThatIgnoresSigterm_WhenEndedWithAGrace_ThenItIsKilled) {
    const auto process = start(shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"));
    ASSERT_TRUE(process);
    ASSERT_TRUE(until([&] { return sink.output == "ready\n"; }));
    (*process)->end(1h, engine::EndCause::stop);
    (*process)->end(50ms, engine::EndCause::stop);
    ASSERT_TRUE(until([&] { return (*process)->gone(); }));
    EXPECT_EQ((*process)->exit_status(), ExitStatus::signalled(SIGKILL));
}

TEST_F(KeeperClientTest,
       GivenARunningTask_WhenItsProcessIsDestroyed_ThenTheTaskIsKilledAndForgotten) {
    auto process = start(shell("trap '' TERM; echo ready; while :; do sleep 0.01; done"));
    ASSERT_TRUE(process);
    const pid_t pid = (*process)->pid();
    ASSERT_TRUE(until([&] { return sink.output == "ready\n"; }));
    sink.delay = 1h;
    const int told = changes;
    process->reset();
    EXPECT_TRUE(until([&] { return !keeper::alive(pid); }));
    EXPECT_TRUE(until([&] { return keeper::children_of(keeper.pid()) == 0; }));
    EXPECT_EQ(changes, told);
    EXPECT_TRUE(start(shell("true")));
}

TEST_F(KeeperClientTest,
       GivenASlowSink_WhenTheProcessIsDestroyedWhileItWaits_ThenNothingTouchesTheSink) {
    auto slow = std::make_unique<Collector>(loop);
    slow->delay = 1h;
    std::optional<Result<std::unique_ptr<Process>>> result;
    asio::co_spawn(loop, client->start(shell("yes"), *slow, [] {}),
                   [&](const std::exception_ptr&, Result<std::unique_ptr<Process>> answer) {
                       result = std::move(answer);
                   });
    ASSERT_TRUE(until([&] { return result && slow->total > 0; }));
    result.reset();
    slow.reset();
    EXPECT_TRUE(until([&] { return keeper::children_of(keeper.pid()) == 0; }));
}

TEST_F(KeeperClientTest, GivenAStart_WhenItIsCancelledBeforeTheAnswer_ThenNoTaskIsLeft) {
    asio::cancellation_signal stop;
    bool ended = false;
    asio::co_spawn(
        loop, client->start(shell("exec sleep 1000"), sink, [] {}),
        asio::bind_cancellation_slot(
            stop.slot(), [&](const std::exception_ptr&, const Result<std::unique_ptr<Process>>&) {
                ended = true;
            }));
    loop.poll_one();
    stop.emit(asio::cancellation_type::terminal);
    ASSERT_TRUE(until([&] { return ended; }));
    EXPECT_TRUE(start(shell("true")));  // the keeper has taken all that was sent before
    EXPECT_TRUE(until([&] { return keeper::children_of(keeper.pid()) == 0; }));
}

TEST_F(KeeperClientTest, GivenTheKeeperIsKilled_ThenEveryProcessIsLostAndNothingStarts) {
    const auto process = start(shell("exec sleep 1000"));
    ASSERT_TRUE(process);
    const pid_t pid = (*process)->pid();
    const int told = changes;
    keeper.kill();
    ASSERT_TRUE(until([&] { return (*process)->lost(); }));
    EXPECT_TRUE(client->lost());
    EXPECT_GT(changes, told);
    EXPECT_FALSE((*process)->exit_status());
    EXPECT_EQ(refusal(shell("true"), ErrorCode::unreachable), "the keeper is gone");
    (*process)->end(0s, engine::EndCause::stop);  // harmless
    ::kill(pid, SIGKILL);
}

TEST_F(KeeperClientTest, GivenTheClientIsDestroyedFirst_ThenItsProcessesAreLost) {
    auto process = start(shell("exec sleep 1000"));
    ASSERT_TRUE(process);
    client.reset();
    EXPECT_TRUE((*process)->lost());
    process->reset();
    EXPECT_EQ(keeper.join(), 0);
}

TEST_F(KeeperClientTest, GivenManyAtOnce_ThenEachIsStartedAndGone) {
    constexpr int count = 300;
    std::vector<std::unique_ptr<Process>> processes;
    for (int i = 0; i < count; ++i) {
        LaunchSpec spec = shell("echo x; exit 2");
        asio::co_spawn(loop, client->start(std::move(spec), sink, [] {}),
                       [&](const std::exception_ptr&, Result<std::unique_ptr<Process>> answer) {
                           ASSERT_TRUE(answer);
                           processes.push_back(std::move(*answer));
                       });
    }
    ASSERT_TRUE(until([&] {
        return processes.size() == count &&
               std::all_of(processes.begin(), processes.end(),
                           [](const auto& process) { return process->gone(); });
    }));
    for (const auto& process : processes) EXPECT_EQ(process->exit_status(), ExitStatus::exited(2));
    EXPECT_EQ(sink.output.size(), 2U * count);
}

TEST_F(KeeperClientTest, GivenTwoHundredStartsAndEnds_ThenTheDaemonKeepsNoDescriptor) {
    ASSERT_TRUE(start(shell("true")));
    ASSERT_TRUE(until([&] { return keeper::children_of(keeper.pid()) == 0; }));
    const int before = keeper::open_descriptors(::getpid());
    for (int i = 0; i < 200; ++i) {
        const auto process = start(shell("echo x"));
        ASSERT_TRUE(process);
        ASSERT_TRUE(until([&] { return (*process)->gone(); }));
    }
    EXPECT_EQ(keeper::open_descriptors(::getpid()), before);
}

}  // namespace
}  // namespace bansuri::os
