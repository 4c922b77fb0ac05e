// SPDX-License-Identifier: MIT
#include "os/kept_attempt.hpp"

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

namespace bansuri::os {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// After so many reads without a pause, one who writes fast lets the others have the loop.
constexpr unsigned reads_a_turn = 4;

}  // namespace

KeptAttempt::KeptAttempt(asio::any_io_executor loop, std::span<char> buffer,
                         engine::OutputSink& sink, std::function<void()> changed)
    : loop_(std::move(loop)),
      buffer_(buffer),
      sink_(&sink),
      changed_(std::move(changed)),
      answer_(loop_, asio::steady_timer::time_point::max()),
      drain_(loop_) {}

void KeptAttempt::started(const keeper::Started& told, keeper::UniqueFd output,
                          keeper::UniqueFd error) {
    started_ = told;
    if (!abandoned_) {
        if (output) open_pipe(engine::Stream::standard_output, std::move(output));
        if (error) open_pipe(engine::Stream::standard_error, std::move(error));
    }
    answer_.cancel();
}

void KeptAttempt::exited(ExitStatus status, bool also_gone) {
    exit_status_ = status;
    if (also_gone) return gone({});
    change();
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
    if (keeper_gone_ || refusal_) return;  // all is known
    lost_ = true;
    answer_.cancel();
    change();
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
    if (exit_status_ || keeper_gone_ || lost_) {
        asio::post(loop_, [self = shared_from_this()] { self->change(); });
    }
}

void KeptAttempt::abandon() {
    abandoned_ = true;
    sink_ = nullptr;
    changed_ = nullptr;
    drain_.cancel();
    // Not a cancellation through co_spawn, which would reach a ready() only after a turn of the
    // loop, when the sink and its timer may be gone.
    for (const auto& pipe : pipes_) {
        error_code ignored;
        pipe->descriptor.cancel(ignored);
    }
}

void KeptAttempt::open_pipe(engine::Stream stream, keeper::UniqueFd fd) {
    auto pipe = std::make_shared<Pipe>(loop_, stream);
    error_code error;
    pipe->descriptor.assign(fd.get(), error);
    if (error)
        return;  // no memory for epoll; the keeper holds the other copy, so nobody blocks soon
    fd.release();
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
        const ssize_t size =
            ::read(pipe->descriptor.native_handle(), self->buffer_.data(), self->buffer_.size());
        if (size == 0) break;
        if (size > 0) {
            co_await deliver(self, pipe, static_cast<std::size_t>(size));
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
        error_code error;
        auto token = asio::redirect_error(asio::use_awaitable, error);
        co_await pipe->descriptor.async_wait(asio::posix::descriptor_base::wait_read, token);
        if (error && !self->drained_) break;  // abandoned, or the loop ends
    }
}

asio::awaitable<void> KeptAttempt::deliver(std::shared_ptr<KeptAttempt> self,
                                           std::shared_ptr<Pipe> pipe, std::size_t size) {
    if (pipe->muted) co_return;
    try {
        self->sink_->write(pipe->stream, std::string_view(self->buffer_.data(), size));
        auto ready = self->sink_->ready();
        co_await std::move(ready);
    } catch (const std::exception&) {
        // A sink that cannot take it is no reason to let the task block on a full pipe.
        pipe->muted = true;
    }
}

void KeptAttempt::pipe_ended(const std::shared_ptr<Pipe>& pipe) {
    error_code ignored;
    pipe->descriptor.close(ignored);
    std::erase(pipes_, pipe);
    --readers_;
    if (keeper_gone_ && readers_ == 0) {
        drain_.cancel();
        change();
    }
}

void KeptAttempt::start_drain() {
    for (const auto& pipe : pipes_) {
        int waiting = 0;
        ::ioctl(pipe->descriptor.native_handle(), FIONREAD, &waiting);
        pipe->owed = static_cast<std::size_t>(waiting);
    }
    drain_.expires_after(drain_time);
    drain_.async_wait([self = shared_from_this()](error_code error) {
        if (error) return;
        self->drained_ = true;
        for (const auto& pipe : self->pipes_) {
            error_code ignored;
            pipe->descriptor.cancel(ignored);
        }
    });
}

void KeptAttempt::change() {
    if (!handed_out_ || !changed_) return;
    const auto changed = changed_;  // it may destroy the Process, and with that itself
    changed();
}

}  // namespace bansuri::os
