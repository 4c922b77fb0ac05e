// SPDX-License-Identifier: MIT
#include "http/session.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <string>
#include <utility>
#include <variant>

#include "http/router.hpp"

namespace bansuri::http {
namespace asio = boost::asio;

Session::Session(const std::shared_ptr<asio::io_context>& context, Socket socket, Backend& backend,
                 const Limits& limits)
    : context_(context),
      socket_(std::move(socket)),
      backend_(backend),
      limits_(limits),
      reader_(limits.request),
      deadline_(*context) {}

void Session::arm(std::chrono::milliseconds bound) {
    expired_ = false;
    deadline_.expires_after(bound);
    // An earlier deadline may have passed already, with its handler in the queue: its number tells.
    deadline_.async_wait([self = shared_from_this(), number = ++armed_](auto cancelled) {
        if (cancelled || number != self->armed_) return;
        self->expired_ = true;
        boost::system::error_code ignored;
        self->socket_.cancel(ignored);
    });
}

void Session::end_soon() {
    ending_ = true;
    if (!idle_) return;
    boost::system::error_code ignored;
    socket_.cancel(ignored);
}

asio::awaitable<Session::Wait> Session::read_some() {
    if (expired_ || (ending_ && idle_)) co_return Wait::ended;
    boost::system::error_code error;
    const std::size_t size = co_await socket_.async_read_some(
        asio::buffer(buffer_), asio::redirect_error(asio::use_awaitable, error));
    if (error || size == 0) co_return Wait::ended;
    reader_.feed({buffer_.data(), size});
    co_return Wait::data;
}

asio::awaitable<bool> Session::send(std::string text) {
    arm(limits_.answer_time);
    std::string_view rest = text;
    while (!rest.empty() && !expired_) {
        boost::system::error_code error;
        const std::size_t size =
            co_await socket_.async_write_some(asio::buffer(rest.data(), rest.size()),
                                              asio::redirect_error(asio::use_awaitable, error));
        if (error) co_return false;
        rest.remove_prefix(size);
    }
    co_return rest.empty();
}

/// The client may still be sending what is refused. Were the connection closed now, it would learn
/// of that and never read why.
asio::awaitable<void> Session::linger() {
    boost::system::error_code error;
    socket_.shutdown(Socket::shutdown_send, error);
    arm(limits_.linger_time);
    while (!error && !expired_) {
        co_await socket_.async_read_some(asio::buffer(buffer_),
                                         asio::redirect_error(asio::use_awaitable, error));
    }
}

asio::awaitable<void> Session::refuse(Response response) {
    const bool sent = co_await send(serialize(response, false, false));
    if (sent) co_await linger();
}

asio::awaitable<void> Session::serve() {
    const auto self = shared_from_this();  // as long as this frame
    while (!ending_) {
        idle_ = reader_.is_idle();
        if (idle_) {
            arm(limits_.idle_time);
            const Wait came = co_await read_some();
            if (came == Wait::ended) break;
            idle_ = false;
        }
        arm(limits_.request_time);
        auto next = reader_.next();
        while (std::holds_alternative<std::monostate>(next)) {
            const Wait came = co_await read_some();
            if (came == Wait::ended) break;
            next = reader_.next();
        }
        if (auto* const refusal = std::get_if<Response>(&next)) {
            Response response = std::move(*refusal);
            co_await refuse(std::move(response));
            break;
        }
        auto* const request = std::get_if<Request>(&next);
        if (request == nullptr) {
            if (!expired_) break;  // the client has gone
            Response late = problem(408, "the request did not come to its end in time");
            co_await refuse(std::move(late));
            break;
        }
        ++armed_;  // the handler has bounds of its own
        const bool head_only = request->method == "HEAD";
        const bool wants_more = request->keep_alive;
        Request asked = std::move(*request);
        const Response response = co_await respond(std::move(asked), backend_, context_);
        const bool goes_on = wants_more && !ending_;
        const bool sent = co_await send(serialize(response, goes_on, head_only));
        if (!sent || !goes_on) break;
    }
}

void Session::close() {
    deadline_.cancel();
    boost::system::error_code ignored;
    socket_.close(ignored);
}

}  // namespace bansuri::http
