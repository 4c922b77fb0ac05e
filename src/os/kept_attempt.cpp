// SPDX-License-Identifier: MIT
#include "os/kept_attempt.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <exception>
#include <string_view>

#include "os/launch_message.hpp"

namespace bansuri::os {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// After so many reads without a pause, one who writes fast lets the others have the loop.
constexpr unsigned reads_a_turn = 4;

/// How long bytes may lie in a pipe that makes no events.
constexpr std::chrono::milliseconds pause_between_looks(20);

bool has_bytes(int pipe) {
    pollfd look{pipe, POLLIN, 0};
    return ::poll(&look, 1, 0) == 1 && (look.revents & POLLIN) != 0;
}

/// Moves what fits the buffer from the pipe to the place, without passing through this process'
/// memory: if it is killed, each byte is either there or still in the pipe. Then reads it back into
/// the buffer. -1: see errno; nothing was moved.
ssize_t move_to(const engine::OutputSink::Place& place, int pipe, std::span<char> buffer) {
    auto offset = static_cast<off_t>(place.offset);
    const ssize_t moved = ::splice(pipe, nullptr, place.fd, &offset,
                                   std::min(place.room, buffer.size()), SPLICE_F_NONBLOCK);
    if (moved == 0) errno = ENOSPC;  // there were bytes, so the file has taken none
    if (moved <= 0) return -1;
    const auto size = static_cast<std::size_t>(moved);
    std::size_t read = 0;
    while (read < size) {
        const ssize_t part = ::pread(place.fd, buffer.data() + read, size - read,
                                     static_cast<off_t>(place.offset + read));
        if (part < 0 && errno == EINTR) continue;
        if (part <= 0) break;
        read += static_cast<std::size_t>(part);
    }
    // They are kept, and cannot be shown: the disk takes bytes and gives none.
    std::fill(buffer.begin() + static_cast<std::ptrdiff_t>(read),
              buffer.begin() + static_cast<std::ptrdiff_t>(size), '?');
    return moved;
}

}  // namespace

KeptAttempt::Pipe::Pipe(const asio::any_io_executor& loop, engine::Stream which,
                        keeper::UniqueFd fd)
    : descriptor(loop), next_look(loop), stream(which) {
    error_code error;
    descriptor.assign(fd.get(), error);
    // No memory, or fs.epoll.max_user_watches. What is written is no less wanted for that.
    if (error) {
        unwatched = std::move(fd);
    } else {
        fd.release();
    }
}

int KeptAttempt::Pipe::number() { return unwatched ? unwatched.get() : descriptor.native_handle(); }

asio::awaitable<error_code> KeptAttempt::Pipe::wait() {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    if (unwatched) {
        next_look.expires_after(pause_between_looks);
        co_await next_look.async_wait(token);
    } else {
        co_await descriptor.async_wait(asio::posix::descriptor_base::wait_read, token);
    }
    co_return error;
}

void KeptAttempt::Pipe::cancel() {
    error_code ignored;
    descriptor.cancel(ignored);
    next_look.cancel();
}

void KeptAttempt::Pipe::close() {
    error_code ignored;
    descriptor.close(ignored);
    unwatched.reset();
}

KeptAttempt::KeptAttempt(asio::any_io_executor loop, std::span<char> buffer,
                         engine::OutputSink* sink, std::function<void()> changed)
    : loop_(std::move(loop)),
      buffer_(buffer),
      sink_(sink),
      changed_(std::move(changed)),
      answer_(loop_, asio::steady_timer::time_point::max()),
      drain_(loop_) {}

void KeptAttempt::started(const keeper::Started& told) {
    started_ = told;
    answer_.cancel();
}

void KeptAttempt::pipes(keeper::UniqueFd output, keeper::UniqueFd error) {
    awaits_pipes_ = false;
    if (!abandoned_) {
        if (output) open_pipe(engine::Stream::standard_output, std::move(output));
        if (error) open_pipe(engine::Stream::standard_error, std::move(error));
    }
    if (!keeper_gone_) return;
    if (readers_ > 0) {
        start_drain();
    } else {
        change();
    }
}

void KeptAttempt::exited(const keeper::Exited& told, bool also_gone) {
    leader_ended_ = true;
    if (told.status_unknown == 0) exit_status_ = exit_status_of(told.wait_status);
    end_cause_ = told.cause;
    if (also_gone) return gone({});
    change();
}

void KeptAttempt::held(const keeper::Held& told) {
    started(told.started);
    end_cause_ = told.cause;
    if (told.state == keeper::AttemptState::running) return;
    exited(told.exited, false);
    if (told.state == keeper::AttemptState::gone) gone(told.gone.named());
}

void KeptAttempt::gone(std::span<const std::int32_t> survivors) {
    survivors_.assign(survivors.begin(), survivors.end());
    keeper_gone_ = true;
    if (readers_ > 0) start_drain();
    change();
}

void KeptAttempt::refused(const keeper::SpawnError& failure) {
    refusal_ = failure;
    answer_.cancel();
}

void KeptAttempt::lose() {
    if (refusal_ || (keeper_gone_ && !awaits_pipes_)) return;  // all is known
    lost_ = true;
    answer_.cancel();
    change();
}

engine::ProcessIdentity KeptAttempt::identity() const {
    if (!started_) return {};
    return {started_->pid, started_->start_time, started_->output_pipe, started_->error_pipe};
}

std::uint64_t KeptAttempt::file_offset(engine::Stream stream) const {
    if (!started_) return 0;
    return stream == engine::Stream::standard_output ? started_->output_offset
                                                     : started_->error_offset;
}

asio::awaitable<void> KeptAttempt::wait_for_answer() {
    while (!answered()) {
        error_code woken;
        auto token = asio::redirect_error(asio::use_awaitable, woken);
        co_await answer_.async_wait(token);
    }
}

void KeptAttempt::hand_out() {
    handed_out_ = true;
    if (leader_ended_ || lost_) {
        asio::post(loop_, [self = shared_from_this()] { self->change(); });
    }
}

bool KeptAttempt::take_over(engine::OutputSink& sink, std::function<void()> changed) {
    sink_ = &sink;
    changed_ = std::move(changed);
    awaits_pipes_ = started_->captured != 0 && !lost_;
    hand_out();
    return awaits_pipes_;
}

void KeptAttempt::ending(keeper::EndCause cause) {
    if (!leader_ended_ && end_cause_ == keeper::EndCause::none) end_cause_ = cause;
}

void KeptAttempt::abandon() {
    abandoned_ = true;
    sink_ = nullptr;
    changed_ = nullptr;
    drain_.cancel();
    // Not a cancellation through co_spawn, which would reach a ready() only after a turn of the
    // loop, when the sink and its timer may be gone.
    for (const auto& pipe : pipes_) pipe->cancel();
}

void KeptAttempt::open_pipe(engine::Stream stream, keeper::UniqueFd fd) {
    auto pipe = std::make_shared<Pipe>(loop_, stream, std::move(fd));
    pipes_.push_back(pipe);
    ++readers_;
    auto self = shared_from_this();
    asio::co_spawn(loop_, read_pipe(self, pipe), [self, pipe](const std::exception_ptr&) {
        self->pipe_ended(
            pipe);  // also after an exception (no memory), of which nothing is left to do
    });
}

asio::awaitable<void> KeptAttempt::read_pipe(std::shared_ptr<KeptAttempt> self,
                                             std::shared_ptr<Pipe> pipe) {
    unsigned reads = 0;
    while (!self->abandoned_) {
        bool placed = false;
        const ssize_t size = self->take(*pipe, placed);
        if (size == 0) break;
        if (size > 0) {
            co_await deliver(self, pipe, static_cast<std::size_t>(size), placed);
            if (self->keeper_gone_) {
                const auto taken = static_cast<std::size_t>(size);
                pipe->owed -= std::min(pipe->owed, taken);
                // What a survivor goes on to write is no longer of this attempt.
                if (self->drained_ && pipe->owed == 0) break;
            }
            if (++reads % reads_a_turn == 0) co_await asio::post(self->loop_, asio::use_awaitable);
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN || self->drained_) break;
        auto bytes = pipe->wait();
        const error_code error = co_await std::move(bytes);
        if (error && !self->drained_) break;  // abandoned, or the loop ends
    }
}

ssize_t KeptAttempt::take(Pipe& pipe, bool& placed) {
    const int fd = pipe.number();
    if (!pipe.muted && has_bytes(fd)) {  // the sink makes files for those who say something only
        std::optional<engine::OutputSink::Place> place;
        try {
            place = sink_->place(pipe.stream);
        } catch (const std::exception&) {
            pipe.muted = true;  // see deliver()
        }
        if (place) {
            const ssize_t moved = move_to(*place, fd, buffer_);
            placed = moved > 0;
            if (placed || errno == EAGAIN || errno == EINTR) return moved;
            sink_->place_failed(errno);
        }
    }
    return ::read(fd, buffer_.data(), buffer_.size());
}

asio::awaitable<void> KeptAttempt::deliver(std::shared_ptr<KeptAttempt> self,
                                           std::shared_ptr<Pipe> pipe, std::size_t size,
                                           bool placed) {
    if (pipe->muted) co_return;
    try {
        const std::string_view bytes(self->buffer_.data(), size);
        if (placed) {
            self->sink_->placed(pipe->stream, bytes);
        } else {
            self->sink_->write(pipe->stream, bytes);
        }
        auto ready = self->sink_->ready();
        co_await std::move(ready);
    } catch (const std::exception&) {
        // A sink that cannot take it is no reason to let the task block on a full pipe.
        pipe->muted = true;
    }
}

void KeptAttempt::pipe_ended(const std::shared_ptr<Pipe>& pipe) {
    pipe->close();
    std::erase(pipes_, pipe);
    --readers_;
    if (keeper_gone_ && readers_ == 0 && !awaits_pipes_) {
        drain_.cancel();
        change();
    }
}

void KeptAttempt::start_drain() {
    for (const auto& pipe : pipes_) {
        int waiting = 0;
        ::ioctl(pipe->number(), FIONREAD, &waiting);
        pipe->owed = static_cast<std::size_t>(waiting);
    }
    drain_.expires_after(drain_time);
    drain_.async_wait([self = shared_from_this()](error_code error) {
        if (error) return;
        self->drained_ = true;
        for (const auto& pipe : self->pipes_) pipe->cancel();
    });
}

void KeptAttempt::change() {
    if (!handed_out_ || !changed_) return;
    const auto changed = changed_;  // it may destroy the Process, and with that itself
    changed();
}

}  // namespace bansuri::os
