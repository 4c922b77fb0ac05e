// SPDX-License-Identifier: MIT
#include "os/console.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>

#include "core/printable.hpp"

namespace bansuri::os {
namespace {

using Steady = std::chrono::steady_clock;

// So often the writer looks up from a reader that takes nothing.
constexpr auto look_up = std::chrono::milliseconds(100);
constexpr auto farewell = std::chrono::seconds(1);

bool is_regular_file(int fd) {
    struct stat info {};
    return ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

}  // namespace

Console::Console(boost::asio::any_io_executor loop, int stdout_fd, int stderr_fd, Limits limits)
    : fds_{stdout_fd, stderr_fd},
      terminals_{::isatty(stdout_fd) == 1, ::isatty(stderr_fd) == 1},
      limits_(limits),
      loop_(loop),
      room_(loop),
      progress_(Steady::now()),
      writer_([this] { write_forever(); }) {}

Console::~Console() {
    {
        const std::scoped_lock lock(mutex_);
        finishing_ = true;
        progress_ = Steady::now();
    }
    work_.notify_one();
    writer_.join();
}

void Console::write(engine::Stream stream, std::string lines) {
    const bool terminal = terminals_[stream == engine::Stream::standard_output ? 0 : 1];
    if (terminal) lines = printable_lines(lines);
    {
        const std::scoped_lock lock(mutex_);
        if (waiting_bytes_ > limits_.waiting && reader_is_gone()) {
            const auto count =
                static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
            dropped_ += count;
            dropped_untold_ += count;
            return;
        }
        if (waiting_.empty()) progress_ = Steady::now();
        waiting_bytes_ += lines.size();
        waiting_.push_back({stream, std::move(lines)});
    }
    work_.notify_one();
}

boost::asio::awaitable<void> Console::ready() {
    while (true) {
        {
            const std::scoped_lock lock(mutex_);
            if (waiting_bytes_ <= limits_.waiting || reader_is_gone()) co_return;
            someone_waits_ = true;
        }
        co_await room_.wait();  // ended by the writer, which notifies at least each look_up
    }
}

std::uint64_t Console::dropped_lines() const {
    const std::scoped_lock lock(mutex_);
    return dropped_;
}

bool Console::reader_is_gone() const { return Steady::now() - progress_ > limits_.patience; }

void Console::write_forever() {
    while (true) {
        Block block;
        std::uint64_t untold = 0;
        {
            std::unique_lock lock(mutex_);
            work_.wait(lock, [this] { return finishing_ || !waiting_.empty(); });
            if (waiting_.empty()) return;
            block = std::move(waiting_.front());
            waiting_.pop_front();
            untold = std::exchange(dropped_untold_, 0);
        }
        if (untold > 0) {
            put(engine::Stream::standard_error,
                fmt::format("bansuri: {} lines were dropped, because nobody read them\n", untold));
        }
        put(block.stream, block.lines);
        const std::scoped_lock lock(mutex_);
        waiting_bytes_ -= block.lines.size();
        if (std::exchange(someone_waits_, false)) {
            boost::asio::post(loop_, [this] { room_.notify(); });
        }
    }
}

void Console::put(engine::Stream stream, std::string_view lines) {
    const int fd = fds_[stream == engine::Stream::standard_output ? 0 : 1];
    // A pipe that polls writable takes this much without blocking (pipe(7)); a file takes all.
    const std::size_t piece = is_regular_file(fd) ? lines.size() : 4096;
    const auto begun = Steady::now();
    while (!lines.empty()) {
        pollfd room{fd, POLLOUT, 0};
        const bool writable = ::poll(&room, 1, static_cast<int>(look_up.count())) > 0;
        const auto wrote = writable ? ::write(fd, lines.data(), std::min(piece, lines.size())) : 0;
        const bool broken = wrote < 0 && errno != EINTR && errno != EAGAIN;
        const std::scoped_lock lock(mutex_);
        if (wrote > 0) {
            lines.remove_prefix(static_cast<std::size_t>(wrote));
            progress_ = Steady::now();
            continue;
        }
        if (broken || (finishing_ && Steady::now() - std::max(begun, progress_) > farewell)) {
            ++dropped_;
            return;
        }
        if (std::exchange(someone_waits_, false)) {
            boost::asio::post(loop_, [this] { room_.notify(); });
        }
    }
}

}  // namespace bansuri::os
