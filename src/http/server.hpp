// SPDX-License-Identifier: MIT
//
// The HTTP API on a unix socket in the state directory, on a thread of its own: reading the history
// never makes a start wait.
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>
#include <thread>

#include "http/backend.hpp"
#include "http/session.hpp"

namespace bansuri::http {

class Server {
  public:
    /// Listens at `name` in `directory`, which must be locked by this daemon: a socket that is
    /// there is nobody's and is replaced. Only root and the daemon's own user may connect (mode
    /// 0600 from its first moment, and the peer is checked). The backend must outlive the server.
    /// Throws std::system_error naming the call that failed.
    Server(Backend& backend, int directory, const std::string& name, Limits limits = {});
    /// As stop().
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// No new connections; answers under way are sent, within the limit for it; the socket is
    /// removed. Blocks until then. From any thread but the server's; a second call does nothing.
    void stop();

  private:
    class Listener;
    int directory_;  // a duplicate
    std::string name_;
    std::shared_ptr<boost::asio::io_context> context_;
    std::shared_ptr<Listener> listener_;
    std::thread thread_;
};

}  // namespace bansuri::http
