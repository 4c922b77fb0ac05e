// SPDX-License-Identifier: MIT
//
// The promise that splice(2) is used for: whoever moves output from a pipe to the files may be
// killed at any instruction, and the next one goes on without a byte lost, doubled or of the wrong
// stream.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <csignal>
#include <new>
#include <random>

#include "unit/store/output_fixture.hpp"

namespace bansuri::testing {
namespace {

constexpr engine::AttemptId id{17, 1};
constexpr int kills = 200;

using store::UniqueFd;

/// What the processes of the test tell each other.
struct Shared {
    std::atomic<bool> stop = false;
    std::array<std::atomic<std::uint64_t>, 2> written{};
};

struct Pipe {
    Pipe() {
        std::array<int, 2> fds{};
        if (::pipe2(fds.data(), O_CLOEXEC) != 0) std::abort();
        read.reset(fds[0]);
        write.reset(fds[1]);
    }
    UniqueFd read;
    UniqueFd write;
};

class OutputKillTest : public OutputFilesFixture {
  protected:
    OutputKillTest()
        : shared(new (::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0)) Shared) {}
    ~OutputKillTest() override { ::munmap(shared, sizeof(Shared)); }

    /// The task: says something until it is told to stop, in pieces of up to `longest` bytes.
    [[noreturn]] void say_without_end(unsigned seed, bool both, std::size_t longest) {
        std::mt19937 random(seed);
        pipes[0].read.reset();
        pipes[1].read.reset();
        while (!shared->stop) {
            const std::size_t which = both ? random() % 2 : 0;
            std::atomic<std::uint64_t>& written = shared->written[which];
            const std::string bytes =
                pattern(which == 0 ? out : err, written, 1 + random() % longest);
            if (::write(pipes[which].write.get(), bytes.data(), bytes.size()) !=
                static_cast<ssize_t>(bytes.size())) {
                ::_exit(1);
            }
            written += bytes.size();
        }
        ::_exit(0);
    }

    /// A daemon: moves what comes until both pipes are at their end.
    [[noreturn]] void move_to_files(std::uint64_t limit) {
        const auto record = files->open(id, limit);
        std::array<pollfd, 2> polled{
            {{pipes[0].read.get(), POLLIN, 0}, {pipes[1].read.get(), POLLIN, 0}}};
        while (polled[0].fd >= 0 || polled[1].fd >= 0) {
            ::poll(polled.data(), polled.size(), -1);
            for (std::size_t which = 0; which < 2; ++which) {
                if ((polled[which].revents & POLLIN) != 0) {
                    const engine::Stream stream = which == 0 ? out : err;
                    const auto place = record->place(stream);
                    if (!place) ::_exit(2);
                    auto offset = static_cast<off_t>(place->offset);
                    const ssize_t size = ::splice(polled[which].fd, nullptr, place->fd, &offset,
                                                  place->room, SPLICE_F_NONBLOCK);
                    if (size <= 0) ::_exit(3);
                    record->placed(stream, static_cast<std::size_t>(size));
                } else if (polled[which].revents != 0) {
                    polled[which].fd = -1;
                }
            }
        }
        ::_exit(0);
    }

    /// Both, with `kills` daemons killed one after the other; the last one ends by itself.
    void run(std::uint64_t limit, bool both, std::size_t longest) {
        const unsigned seed = std::random_device()();
        RecordProperty("seed", std::to_string(seed));
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        const pid_t task = ::fork();
        if (task == 0) say_without_end(seed, both, longest);
        pipes[0].write.reset();
        pipes[1].write.reset();
        for (int i = 0; i <= kills; ++i) {
            if (i == kills) shared->stop = true;
            const pid_t daemon = ::fork();
            if (daemon == 0) move_to_files(limit);
            if (i < kills) {
                // An instant of no choosing: when it starts, goes on, or is well on its way.
                ::usleep(static_cast<useconds_t>(random() % 3000));
                ::kill(daemon, SIGKILL);
            }
            int status = 0;
            ASSERT_EQ(::waitpid(daemon, &status, 0), daemon);
            ASSERT_TRUE(i < kills ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
                                  : WIFEXITED(status) && WEXITSTATUS(status) == 0)
                << status;
        }
        int status = 0;
        ASSERT_EQ(::waitpid(task, &status, 0), task);
        ASSERT_EQ(status, 0);
        restart();
    }

    std::array<Pipe, 2> pipes;
    Shared* shared;
};

TEST_F(OutputKillTest, NoByteOfEitherStreamIsLostDoubledOrTakenForTheOthers) {
    run(4'000'000'000, true, 300);
    const std::array<std::uint64_t, 2> written{shared->written[0], shared->written[1]};
    EXPECT_GT(written[0] + written[1], 100'000u);
    std::array<std::uint64_t, 2> next{};
    std::uint64_t position = 0;
    for (bool complete = false; !complete;) {
        const auto piece = files->read(id, position, 1'000'000);
        ASSERT_TRUE(piece);
        ASSERT_EQ(piece->missing, 0u);
        for (const auto& span : piece->spans) {
            std::uint64_t& of_stream = next[span.is_error ? 1 : 0];
            ASSERT_EQ(span.bytes, pattern(span.is_error ? err : out, of_stream, span.bytes.size()))
                << "position " << position << ", of its stream " << of_stream;
            of_stream += span.bytes.size();
        }
        position = piece->end;
        complete = piece->complete;
    }
    EXPECT_EQ(next, written);
    const auto record = files->open(id, 1);
    EXPECT_EQ(record->total(), written[0] + written[1]);
    EXPECT_EQ(record->excerpt(err, 0).dropped, written[1]);
}

TEST_F(OutputKillTest, WhatIsKeptOfMoreThanTheLimitIsAtItsPlaceAndTheCountIsExact) {
    constexpr std::uint64_t limit = 65'536;
    run(limit, false, 3000);
    const std::uint64_t written = shared->written[0];
    EXPECT_GT(written, 10 * limit);
    const auto all = read_back(id);
    ASSERT_TRUE(all);
    EXPECT_EQ(all->end, written);
    EXPECT_EQ(all->missing + all->kept(), written);
    EXPECT_LE(on_disk(), limit);
    ASSERT_EQ(all->runs.size(), 2u);
    for (const auto& kept : all->runs)
        EXPECT_EQ(kept.bytes, pattern(out, kept.position, kept.bytes.size()));
    EXPECT_EQ(all->runs[0].bytes.size(), limit / 2);
    EXPECT_GT(all->runs[1].bytes.size(), limit / 4 - 1);
}

}  // namespace
}  // namespace bansuri::testing
