// SPDX-License-Identifier: MIT
//
// What becomes of output when epoll takes no more descriptors.
#include "os/kept_attempt.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <csignal>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>

namespace {

int refused = 0;  ///< an errno for each descriptor that is to be added; 0: as always

}  // namespace

/// Instead of the C library's, for all of this program.
extern "C" int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
    if (refused != 0 && operation == EPOLL_CTL_ADD) {
        errno = refused;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_epoll_ctl, epoll, operation, fd, event));
}

namespace bansuri::os {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

struct Collector final : engine::OutputSink {
    void write(engine::Stream, std::string_view bytes) override { text += bytes; }
    asio::awaitable<void> ready() override { co_return; }
    std::string text;
};

class RefusedWatch : public ::testing::Test {
  protected:
    RefusedWatch() {
        std::array<int, 2> ends{-1, -1};
        if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) < 0) throw std::runtime_error("pipe2");
        ours.reset(ends[0]);
        theirs.reset(ends[1]);
        std::signal(SIGPIPE, SIG_IGN);
        attempt->started({});
        attempt->hand_out();
        refused = ENOSPC;  // fs.epoll.max_user_watches
        attempt->pipes(std::move(ours), {});
        refused = 0;
    }
    void say(const std::string& text) {
        ASSERT_EQ(::write(theirs.get(), text.data(), text.size()),
                  static_cast<ssize_t>(text.size()));
    }
    bool until(const std::function<bool()>& claim) {
        const auto deadline = std::chrono::steady_clock::now() + 30s;
        while (!claim()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            loop.restart();
            loop.run_one_for(100ms);
        }
        return true;
    }

    asio::io_context loop;
    std::array<char, 65536> buffer{};
    Collector sink;
    keeper::UniqueFd ours;
    keeper::UniqueFd theirs;
    std::shared_ptr<KeptAttempt> attempt =
        std::make_shared<KeptAttempt>(loop.get_executor(), buffer, &sink, [] {});
};

TEST_F(RefusedWatch, ThenTheOutputIsReadAllTheSame) {
    say("one");
    EXPECT_TRUE(until([this] { return sink.text == "one"; }));
    say(" two");
    theirs.reset();
    attempt->exited({}, true);
    EXPECT_FALSE(attempt->gone()) << "its output is not delivered yet";
    EXPECT_TRUE(until([this] { return attempt->gone(); }));
    EXPECT_EQ(sink.text, "one two");
}

TEST_F(RefusedWatch, GivenASurvivorThatKeepsThePipeOpen_ThenItIsGoneAfterTheDrainTime) {
    attempt->exited({}, true);
    say("late");
    EXPECT_TRUE(until([this] { return attempt->gone(); }));
    EXPECT_EQ(sink.text, "late");
}

TEST_F(RefusedWatch, WhenAbandoned_ThenItsReaderEndsAndThePipeIsClosed) {
    attempt->abandon();
    const std::weak_ptr<KeptAttempt> seen = attempt;
    attempt.reset();
    EXPECT_TRUE(until([&seen] { return seen.expired(); }));
    EXPECT_EQ(::write(theirs.get(), "x", 1), -1);
    EXPECT_EQ(errno, EPIPE);
}

}  // namespace
}  // namespace bansuri::os
