// SPDX-License-Identifier: MIT
//
// An HTTP server on any free port of this machine, that answers as a test tells it, well or badly.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <list>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace bansuri::testing {

/// Each connection has a thread; all end with the server.
class LocalServer {
  public:
    class Connection {
      public:
        explicit Connection(int fd) : fd_(fd) {}
        /// False: the client, or the server, has gone.
        bool send(const std::string& bytes) const {
            return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                   static_cast<ssize_t>(bytes.size());
        }
        /// Waits until the client, or the server, has gone.
        void wait() const {
            char byte = 0;
            while (::recv(fd_, &byte, 1, 0) > 0) continue;
        }

      private:
        int fd_;
    };
    using Answer = std::function<void(const Connection&, const std::string& path)>;

    explicit LocalServer(Answer answer) : answer_(std::move(answer)) {
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in any{};
        any.sin_family = AF_INET;
        any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        auto* const address = reinterpret_cast<sockaddr*>(&any);
        socklen_t size = sizeof any;
        if (::bind(fd_, address, size) != 0 || ::listen(fd_, 100) != 0 ||
            ::getsockname(fd_, address, &size) != 0) {
            throw std::runtime_error("no port is free");
        }
        port_ = ntohs(any.sin_port);
        acceptor_ = std::thread([this] { accept_all(); });
    }
    ~LocalServer() {
        ::shutdown(fd_, SHUT_RDWR);
        acceptor_.join();
        {
            const std::lock_guard lock(mutex_);
            for (const int fd : connections_) ::shutdown(fd, SHUT_RDWR);
        }
        for (std::thread& each : threads_) each.join();
        for (const int fd : connections_) ::close(fd);
        ::close(fd_);
    }
    LocalServer(const LocalServer&) = delete;
    LocalServer& operator=(const LocalServer&) = delete;

    std::string address(const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    /// The paths that were asked for, in order.
    std::vector<std::string> asked() const {
        const std::lock_guard lock(mutex_);
        return asked_;
    }

  private:
    void accept_all() {
        while (true) {
            const int fd = ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) return;
            const std::lock_guard lock(mutex_);
            connections_.push_back(fd);
            threads_.emplace_back([this, fd] { serve(fd); });
        }
    }
    void serve(int fd) {
        std::string request;
        char byte = 0;
        while (request.find("\r\n\r\n") == std::string::npos) {
            if (::recv(fd, &byte, 1, 0) <= 0) return;
            request += byte;
        }
        const auto begin = request.find(' ') + 1;
        const std::string path = request.substr(begin, request.find(' ', begin) - begin);
        {
            const std::lock_guard lock(mutex_);
            asked_.push_back(path);
        }
        answer_(Connection(fd), path);
        ::shutdown(fd, SHUT_RDWR);
    }

    const Answer answer_;
    int fd_ = -1;
    std::uint16_t port_ = 0;
    std::thread acceptor_;
    mutable std::mutex mutex_;
    std::list<std::thread> threads_;  // guarded by mutex_ until the acceptor has ended, as the next
    std::vector<int> connections_;
    std::vector<std::string> asked_;
};

}  // namespace bansuri::testing
