// SPDX-License-Identifier: MIT
#include "os/console.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <pty.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "keeper/unique_fd.hpp"

namespace bansuri::os {
namespace {

using namespace std::chrono_literals;
using engine::Stream;
using keeper::UniqueFd;
using ::testing::HasSubstr;

struct Pipe {
    Pipe() {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
        read.reset(ends[0]);
        write.reset(ends[1]);
    }
    std::string read_all() const {
        std::string all;
        char buffer[65536];
        for (ssize_t got; (got = ::read(read.get(), buffer, sizeof buffer)) > 0;) {
            all.append(buffer, static_cast<std::size_t>(got));
        }
        return all;
    }
    UniqueFd read;
    UniqueFd write;
};

TEST(Console, EachStreamGoesToItsOwn) {
    boost::asio::io_context loop;
    Pipe out;
    Pipe err;
    {
        Console console(loop.get_executor(), out.write.get(), err.write.get());
        console.forward(Stream::standard_output, "one\n");
        console.forward(Stream::standard_error, "two\n");
    }
    out.write.reset();
    err.write.reset();
    EXPECT_EQ(out.read_all(), "one\n");
    EXPECT_EQ(err.read_all(), "two\n");
}

TEST(Console, WhileItIsReadNothingIsLostHoweverMuchItIs) {
    boost::asio::io_context loop;
    Pipe out;
    std::string got;
    std::thread reader([&] { got = out.read_all(); });
    const std::string line(1000, 'x');
    {
        Console console(loop.get_executor(), out.write.get(), out.write.get(), {64 * 1024, 30s});
        auto writer = [](Console& to, std::string text) -> boost::asio::awaitable<void> {
            for (int i = 0; i < 20'000; ++i) {
                to.forward(Stream::standard_output, text + "\n");
                co_await to.ready();
            }
        };
        boost::asio::co_spawn(loop, writer(console, line), [](std::exception_ptr) {});
        loop.run();
        EXPECT_EQ(console.dropped_lines(), 0u);
    }
    out.write.reset();
    reader.join();
    EXPECT_EQ(got.size(), 20'000u * 1001);
}

TEST(Console, AReaderThatTakesNothingHoldsNobodyUp_AndIsToldWhatItMissed) {
    boost::asio::io_context loop;
    Pipe out;
    std::string got;
    std::thread reader;
    {
        Console console(loop.get_executor(), out.write.get(), out.write.get(), {64 * 1024, 50ms});
        auto writer = [](Console& to) -> boost::asio::awaitable<void> {
            for (int i = 0; i < 10'000; ++i) {
                to.forward(Stream::standard_output, std::string(1000, 'x') + "\n");
                co_await to.ready();
            }
        };
        bool done = false;
        boost::asio::co_spawn(loop, writer(console), [&](std::exception_ptr) { done = true; });
        loop.run();
        ASSERT_TRUE(done);
        EXPECT_GT(console.dropped_lines(), 5'000u);
        reader = std::thread([&] { got = out.read_all(); });
    }
    out.write.reset();
    reader.join();
    EXPECT_THAT(got, HasSubstr("lines were dropped, because nobody read them\n"));
}

TEST(Console, WhenItGoes_ThenAReaderThatTakesSomethingNowAndThenGetsItAll) {
    boost::asio::io_context loop;
    Pipe out;
    std::thread reader;
    std::size_t got = 0;
    {
        Console console(loop.get_executor(), out.write.get(), out.write.get(),
                        {1 << 20, 30s, 500ms});
        console.forward(Stream::standard_output, std::string(1 << 20, 'x') + "\n");
        // 16 pauses take longer than the farewell, each of them far less.
        reader = std::thread([&] {
            std::string piece(1 << 16, ' ');
            for (ssize_t size; (size = ::read(out.read.get(), piece.data(), piece.size())) > 0;) {
                got += static_cast<std::size_t>(size);
                std::this_thread::sleep_for(50ms);
            }
        });
    }
    out.write.reset();
    reader.join();
    EXPECT_EQ(got, (1u << 20) + 1);
}

TEST(Console, OnATerminalControlCharactersAreShown) {
    int controller = -1;
    int terminal = -1;
    ASSERT_EQ(::openpty(&controller, &terminal, nullptr, nullptr, nullptr), 0);
    const UniqueFd reading(controller);
    UniqueFd writing(terminal);
    boost::asio::io_context loop;
    {
        Console console(loop.get_executor(), terminal, terminal);
        console.forward(Stream::standard_output, "\x1b[2Jx\n");
    }
    char buffer[100];
    const auto got = ::read(controller, buffer, sizeof buffer);
    ASSERT_GT(got, 0);
    EXPECT_EQ(std::string(buffer, static_cast<std::size_t>(got)), "\\x1b[2Jx\r\n");
}

TEST(Console, AClosedReaderIsNoError) {
    ::signal(SIGPIPE, SIG_IGN);
    boost::asio::io_context loop;
    Pipe out;
    out.read.reset();
    Console console(loop.get_executor(), out.write.get(), out.write.get());
    for (int i = 0; i < 100; ++i) console.forward(Stream::standard_output, "x\n");
}

}  // namespace
}  // namespace bansuri::os
