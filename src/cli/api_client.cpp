// SPDX-License-Identifier: MIT
#include "cli/api_client.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cerrno>
#include <cstring>
#include <ctime>

#include "core/state_directory.hpp"

namespace bansuri::cli {
namespace beast_http = boost::beast::http;

namespace {

// A status of ten thousand tasks is some megabytes; nothing that a daemon says is more than this.
constexpr std::uint64_t longest_answer = 256 * 1024 * 1024;

class Descriptor {
  public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    ~Descriptor() { reset(); }
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }
    void reset(int fd = -1) {
        if (fd_ >= 0) ::close(fd_);
        fd_ = fd;
    }

  private:
    int fd_;
};

std::string cause(int error) { return std::generic_category().message(error); }

tl::unexpected<Error> unreachable(const std::string& path, const std::string& directory,
                                  int error) {
    if (error == EACCES || error == EPERM) {
        return fail(ErrorCode::unreachable,
                    fmt::format("connect \"{}\": {}; only root and the user who runs the daemon "
                                "may ask it",
                                path, cause(error)));
    }
    return fail(ErrorCode::unreachable,
                fmt::format("no daemon is reachable at \"{}\": {}; start it with: bansuri run "
                            "--state {}\nor name the directory of the one that runs with --state",
                            path, cause(error), directory));
}

/// Never zero, by which the kernel means that there is no limit.
timeval as_timeval(Duration span) {
    span = std::clamp<Duration>(span, std::chrono::milliseconds(1), ApiClient::longest_patience);
    const auto seconds = std::chrono::floor<std::chrono::seconds>(span);
    return {static_cast<std::time_t>(seconds.count()),
            static_cast<suseconds_t>((span - seconds).count())};
}

Result<Descriptor> connect_to(const std::string& directory, const std::string& path,
                              Duration longest) {
    const timeval patience = as_timeval(longest);
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) return fail(ErrorCode::io, "socket: " + cause(errno));
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::string place = path;
    Descriptor folder;  // until the connection stands
    if (place.size() >= sizeof address.sun_path) {
        // An address has room for 107 bytes; the way through a descriptor is always short.
        folder.reset(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (folder.get() < 0) return unreachable(path, directory, errno);
        place = fmt::format("/proc/self/fd/{}/{}", folder.get(), socket_name);
    }
    place.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return unreachable(path, directory, errno);
    }
    return socket;
}

tl::unexpected<Error> broke_off(const std::string& path, const char* call, int error) {
    // So the kernel says that the time to wait is over.
    const std::string what =
        error == EAGAIN ? "it took too long" : fmt::format("{}: {}", call, cause(error));
    return fail(ErrorCode::unreachable,
                fmt::format("the daemon at \"{}\" gave no answer: {}", path, what));
}

tl::unexpected<Error> broke_off(const std::string& path, const std::string& what) {
    return fail(ErrorCode::unreachable,
                fmt::format("the daemon at \"{}\" gave no answer: {}", path, what));
}

std::string encoded(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            result += c;
        } else {
            result += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
        }
    }
    return result;
}

tl::unexpected<Error> told(unsigned status, const Json& document) {
    std::string detail = document.is_object() ? document.value("detail", std::string()) : "";
    if (status == 400) return fail(ErrorCode::usage, std::move(detail));
    if (status == 404) return fail(ErrorCode::not_found, std::move(detail));
    return fail(ErrorCode::io, fmt::format("the daemon answered {}: {}", status, detail));
}

}  // namespace

std::string ApiClient::socket_path() const { return directory_ + "/" + socket_name; }

Result<Json> ApiClient::get(std::string_view path, const Parameters& parameters) {
    std::string target(path);
    char separator = '?';
    for (const auto& [name, value] : parameters) {
        target += fmt::format("{}{}={}", separator, name, encoded(value));
        separator = '&';
    }
    return ask("GET", target);
}

Result<Json> ApiClient::post(std::string_view path) { return ask("POST", std::string(path)); }

std::optional<pid_t> ApiClient::peer() {
    const auto socket = connect_to(directory_, socket_path(), patience_);
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (!socket || ::getsockopt(socket->get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
        return std::nullopt;
    }
    return credentials.pid;
}

Result<Json> ApiClient::ask(std::string_view method, const std::string& target) {
    const std::string path = socket_path();
    const auto socket = connect_to(directory_, path, patience_);
    if (!socket) return tl::unexpected(socket.error());
    std::string request =
        fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", method, target);
    if (method == "POST") request += "Content-Type: application/json\r\nContent-Length: 2\r\n";
    request += method == "POST" ? "\r\n{}" : "\r\n";
    for (std::string_view rest = request; !rest.empty();) {
        const ssize_t sent = ::send(socket->get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return broke_off(path, "send", errno);
        rest.remove_prefix(static_cast<std::size_t>(sent));
    }

    beast_http::response_parser<beast_http::string_body> parser;
    parser.eager(true);
    parser.body_limit(longest_answer);
    std::string bytes;
    std::array<char, 64 * 1024> buffer{};
    while (!parser.is_done()) {
        const ssize_t size = ::recv(socket->get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return broke_off(path, "receive", errno);
        boost::system::error_code error;
        if (size == 0) {
            if (!parser.got_some()) return broke_off(path, "it closed the connection");
            return broke_off(path, "it closed the connection in the middle of its answer");
        }
        bytes.append(buffer.data(), static_cast<std::size_t>(size));
        while (!bytes.empty() && !parser.is_done()) {
            const std::size_t taken = parser.put(boost::asio::buffer(bytes), error);
            bytes.erase(0, taken);
            if (error) break;
        }
        if (error && error != beast_http::error::need_more) {
            return fail(ErrorCode::protocol,
                        fmt::format("what listens at \"{}\" is no daemon of Bansuri: {}", path,
                                    error.message()));
        }
    }
    const auto answer = parser.release();
    const char* const text = answer.body().data();
    Json document = Json::parse(text, text + answer.body().size(), nullptr, false);
    if (answer.result_int() >= 400) return told(answer.result_int(), document);
    if (!document.is_object()) {
        return fail(ErrorCode::protocol,
                    fmt::format("what listens at \"{}\" did not answer with JSON", path));
    }
    return document;
}

}  // namespace bansuri::cli
