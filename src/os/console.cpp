// SPDX-License-Identifier: MIT
#include "os/console.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "core/printable.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::os {
namespace {

using Steady = std::chrono::steady_clock;

// So often a writer looks up from a reader that takes nothing.
constexpr auto look_up = std::chrono::milliseconds(100);

/// A descriptor that can be written to without waiting, whoever shares it with us. O_NONBLOCK on
/// the one we were given would be everybody's, so a pipe or a terminal is opened once more.
class Outlet {
  public:
    explicit Outlet(int fd) : fd_(fd) {
        struct stat info {};
        if (::fstat(fd, &info) != 0) return;
        is_socket_ = S_ISSOCK(info.st_mode);
        if (!S_ISFIFO(info.st_mode) && !S_ISCHR(info.st_mode)) return;
        const std::string again = fmt::format("/proc/self/fd/{}", fd);
        own_.reset(::open(again.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
    }
    bool is_terminal() const { return ::isatty(fd_) == 1; }
    bool wait(std::chrono::milliseconds limit) const {
        pollfd room{number(), POLLOUT, 0};
        return ::poll(&room, 1, static_cast<int>(limit.count())) > 0;
    }
    /// As write(2).
    ssize_t write(std::string_view bytes) const {
        if (is_socket_) return ::send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        return ::write(number(), bytes.data(), bytes.size());
    }

  private:
    int number() const { return own_ ? own_.get() : fd_; }
    int fd_;
    bool is_socket_ = false;
    keeper::UniqueFd own_;
};

}  // namespace

/// One stream: a bounded queue and the thread that empties it.
class Console::Channel {
  public:
    /// `room` is called, from the thread, when somebody waits and may look again.
    Channel(int fd, Limits limits, std::function<void()> room)
        : outlet_(fd),
          terminal_(outlet_.is_terminal()),
          limits_(limits),
          room_(std::move(room)),
          progress_(Steady::now()),
          writer_([this] { write_forever(); }) {}
    ~Channel() { writer_.join(); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    void write(std::string lines);
    /// True if more can be taken; else `room` will be called.
    bool has_room();
    void finish();
    std::uint64_t dropped_lines() const {
        const std::scoped_lock lock(mutex_);
        return dropped_;
    }

  private:
    void write_forever();
    void put(std::string_view lines);
    void drop(std::string_view lines);  // with mutex_ held
    bool reader_is_gone() const { return Steady::now() - progress_ > limits_.patience; }
    bool is_over() const {
        if (!finishes_since_) return false;
        const auto now = Steady::now();
        return now - std::max(progress_, *finishes_since_) >= limits_.farewell ||
               now - *finishes_since_ >= 10 * limits_.farewell;
    }

    const Outlet outlet_;
    const bool terminal_;
    const Limits limits_;
    const std::function<void()> room_;

    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::deque<std::string> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint64_t dropped_untold_ = 0;
    Steady::time_point progress_;
    bool someone_waits_ = false;
    std::optional<Steady::time_point> finishes_since_;
    std::thread writer_;
};

void Console::Channel::write(std::string lines) {
    if (terminal_) lines = printable_lines(lines);
    {
        const std::scoped_lock lock(mutex_);
        if (waiting_bytes_ > limits_.waiting && reader_is_gone()) return drop(lines);
        if (waiting_.empty()) progress_ = Steady::now();
        waiting_bytes_ += lines.size();
        waiting_.push_back(std::move(lines));
    }
    work_.notify_one();
}

void Console::Channel::drop(std::string_view lines) {
    const auto count = static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
    dropped_ += count;
    dropped_untold_ += count;
}

bool Console::Channel::has_room() {
    const std::scoped_lock lock(mutex_);
    if (waiting_bytes_ <= limits_.waiting || reader_is_gone()) return true;
    someone_waits_ = true;
    return false;
}

void Console::Channel::finish() {
    {
        const std::scoped_lock lock(mutex_);
        finishes_since_ = Steady::now();
    }
    work_.notify_one();
}

void Console::Channel::write_forever() {
    while (true) {
        std::string lines;
        std::uint64_t untold = 0;
        {
            std::unique_lock lock(mutex_);
            work_.wait(lock, [this] { return finishes_since_ || !waiting_.empty(); });
            if (waiting_.empty() || is_over()) return;
            lines = std::move(waiting_.front());
            waiting_.pop_front();
            untold = std::exchange(dropped_untold_, 0);
        }
        if (untold > 0) {
            put(fmt::format("bansuri: {} lines were dropped, because nobody read them\n", untold));
        }
        put(lines);
        const std::scoped_lock lock(mutex_);
        waiting_bytes_ -= lines.size();
        if (std::exchange(someone_waits_, false)) room_();
    }
}

void Console::Channel::put(std::string_view lines) {
    while (!lines.empty()) {
        const bool writable = outlet_.wait(look_up);
        const auto wrote = writable ? outlet_.write(lines) : 0;
        const bool broken = wrote < 0 && errno != EINTR && errno != EAGAIN;
        const std::scoped_lock lock(mutex_);
        if (wrote > 0) {
            lines.remove_prefix(static_cast<std::size_t>(wrote));
            progress_ = Steady::now();
        } else if (broken || is_over()) {
            return drop(lines);
        } else if (std::exchange(someone_waits_, false)) {
            room_();
        }
    }
}

Console::Console(boost::asio::any_io_executor loop, int stdout_fd, int stderr_fd, Limits limits)
    : room_(loop) {
    const auto room = [this, loop] { boost::asio::post(loop, [this] { room_.notify(); }); };
    channels_[0] = std::make_unique<Channel>(stdout_fd, limits, room);
    channels_[1] = std::make_unique<Channel>(stderr_fd, limits, room);
}

Console::~Console() { close(); }

void Console::close() {
    for (const auto& channel : channels_) {
        if (channel) channel->finish();
    }
    for (auto& channel : channels_) channel.reset();
}

void Console::write(engine::Stream stream, std::string lines) {
    const auto& channel = channels_[stream == engine::Stream::standard_output ? 0 : 1];
    if (channel) channel->write(std::move(lines));
}

boost::asio::awaitable<void> Console::ready() {
    // Ended by the channel that has none: it calls each look_up, and gives its reader up in time.
    while (!channels_[0]->has_room() || !channels_[1]->has_room()) co_await room_.wait();
}

std::uint64_t Console::dropped_lines() const {
    return channels_[0]->dropped_lines() + channels_[1]->dropped_lines();
}

}  // namespace bansuri::os
