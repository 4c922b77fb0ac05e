// SPDX-License-Identifier: MIT
//
// One connection: reads requests one after the other and answers them, with a deadline on each
// step. It takes any stream socket whose peer the listener has let in.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>

#include "http/backend.hpp"
#include "http/request_reader.hpp"

namespace bansuri::http {

struct Limits {
    RequestLimits request;
    std::chrono::milliseconds request_time = std::chrono::seconds(10);  ///< first to last byte
    std::chrono::milliseconds idle_time = std::chrono::seconds(30);     ///< between requests
    std::chrono::milliseconds answer_time = std::chrono::seconds(30);   ///< to send an answer
    std::chrono::milliseconds linger_time = std::chrono::seconds(1);    ///< after a refusal
    std::chrono::milliseconds stop_time = std::chrono::seconds(2);      ///< for answers under way
    std::size_t connections = 256;
};

/// Lives on the server's thread.
class Session : public std::enable_shared_from_this<Session> {
  public:
    using Socket = boost::asio::generic::stream_protocol::socket;

    Session(const std::shared_ptr<boost::asio::io_context>& context, Socket socket,
            Backend& backend, const Limits& limits);

    /// Until the client goes, a deadline passes, or it is told to end.
    boost::asio::awaitable<void> serve();

    /// Waits for a request; nothing of one has come.
    bool is_idle() const { return idle_; }
    bool is_ending() const { return ending_; }
    /// Ends now if it is idle, else when the request under way is answered.
    void end_soon();
    /// When serve() has ended, in whichever way: nothing of it waits any longer.
    void close();

  private:
    enum class Wait { data, ended };
    boost::asio::awaitable<Wait> read_some();
    boost::asio::awaitable<bool> send(std::string text);
    boost::asio::awaitable<void> refuse(Response response);
    boost::asio::awaitable<void> linger();
    void arm(std::chrono::milliseconds bound);

    std::weak_ptr<boost::asio::io_context> context_;
    Socket socket_;
    Backend& backend_;
    Limits limits_;
    RequestReader reader_;
    boost::asio::steady_timer deadline_;
    std::uint64_t armed_ = 0;  // which deadline counts
    bool expired_ = false;
    bool idle_ = true;
    bool ending_ = false;
    std::array<char, 8 * 1024> buffer_{};
};

}  // namespace bansuri::http
