// SPDX-License-Identifier: MIT
//
// A client of a unix socket that sends whatever a test wants it to send.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace bansuri::testing {

/// Waits at most 20 s for anything.
class UnixClient {
  public:
    /// Not connected yet.
    UnixClient() : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
    explicit UnixClient(const std::string& path) : UnixClient() {
        if (!connect(path)) throw std::runtime_error("connect " + path);
    }
    ~UnixClient() { close(); }
    UnixClient(UnixClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    UnixClient& operator=(UnixClient&&) = delete;
    UnixClient(const UnixClient&) = delete;
    UnixClient& operator=(const UnixClient&) = delete;

    bool connect(const std::string& path) const {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        return ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    /// False if the other side has gone.
    bool send(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    /// What comes until the other side closes, or until `end` has come.
    std::string receive(std::string_view end = {}) const {
        std::string all;
        char buffer[4096];
        while (end.empty() || all.find(end) == std::string::npos) {
            pollfd watched{fd_, POLLIN, 0};
            if (::poll(&watched, 1, 20'000) != 1) throw std::runtime_error("nothing came");
            const ssize_t size = ::recv(fd_, buffer, sizeof buffer, 0);
            if (size <= 0) break;
            all.append(buffer, static_cast<std::size_t>(size));
        }
        return all;
    }
    int fd() const { return fd_; }

  private:
    int fd_;
};

}  // namespace bansuri::testing
