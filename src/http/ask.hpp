// SPDX-License-Identifier: MIT
//
// Waiting, on the server's thread, for an answer that another thread gives: with a bound, because
// a daemon that hangs must still be able to say so.
#pragma once

#include <fmt/format.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "core/result.hpp"
#include "http/backend.hpp"

namespace bansuri::http {

/// Calls `question` with the `done` of Backend, and resumes on `context`, where it was called, with
/// the answer. The error (unreachable) comes after `bound`; an answer that comes later is dropped,
/// also when the context has gone by then.
template <class Answer, class Question>
boost::asio::awaitable<Result<Answer>> ask(std::weak_ptr<boost::asio::io_context> context,
                                           Question question, std::chrono::seconds bound) {
    namespace asio = boost::asio;
    struct Waiting {
        explicit Waiting(asio::io_context& on) : timer(on) {}
        asio::steady_timer timer;
        std::optional<Answer> answer;
    };
    const auto waiting = std::make_shared<Waiting>(*context.lock());
    waiting->timer.expires_after(bound);
    // Weak: who asked, and the context itself, may have gone when the answer comes.
    Backend::Done<Answer> done = [context, weak = std::weak_ptr(waiting)](Answer answer) {
        const auto loop = context.lock();
        if (!loop) return;
        asio::post(*loop, [weak, given = std::move(answer)]() mutable {
            const auto here = weak.lock();
            if (!here) return;
            here->answer.emplace(std::move(given));
            here->timer.cancel();
        });
    };
    question(std::move(done));
    if (!waiting->answer) {
        boost::system::error_code cancelled;
        // Ended by the answer or by the bound.
        co_await waiting->timer.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    }
    if (waiting->answer) co_return std::move(*waiting->answer);
    co_return fail(ErrorCode::unreachable,
                   fmt::format("the engine did not answer within {} s", bound.count()));
}

}  // namespace bansuri::http
