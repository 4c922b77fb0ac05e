// SPDX-License-Identifier: MIT
#include "http/server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <exception>
#include <list>
#include <system_error>

namespace bansuri::http {
namespace asio = boost::asio;

namespace {

// A pause in which descriptors may be given back, instead of asking the kernel again and again.
constexpr auto pause_without_descriptors = std::chrono::milliseconds(100);

[[noreturn]] void fail_call(std::string_view call, std::string_view object) {
    throw std::system_error(errno, std::generic_category(), fmt::format("{} \"{}\"", call, object));
}

/// A descriptor given up when there is no other, so that a client can be turned away, which else
/// would wait in the queue and wake the loop without end.
class ReservedDescriptor {
  public:
    ReservedDescriptor() { take(); }
    ~ReservedDescriptor() { give_up(); }
    ReservedDescriptor(const ReservedDescriptor&) = delete;
    ReservedDescriptor& operator=(const ReservedDescriptor&) = delete;
    void take() {
        if (fd_ < 0) fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    void give_up() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }

  private:
    int fd_ = -1;
};

/// A bound and listening socket of mode 0600.
int listen_at(int directory, const std::string& name) {
    if (::unlinkat(directory, name.c_str(), 0) != 0 && errno != ENOENT) fail_call("unlink", name);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) fail_call("socket", "unix");
    const auto fail_here = [&](std::string_view call) {
        const int error = errno;
        ::close(fd);
        errno = error;
        fail_call(call, name);
    };
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // The directory's own path may be longer than the 107 bytes that an address has room for.
    const std::string path = fmt::format("/proc/self/fd/{}/{}", directory, name);
    if (path.size() >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        fail_here("bind");
    }
    path.copy(address.sun_path, path.size());
    // bind(2) gives the file the mode of the socket, less the umask: so it is right from the first
    // moment, without touching the umask that all threads share.
    if (::fchmod(fd, S_IRUSR | S_IWUSR) != 0) fail_here("fchmod");
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        fail_here("bind");
    }
    // The umask may have taken more than it should.
    if (::fchmodat(directory, name.c_str(), S_IRUSR | S_IWUSR, 0) != 0) fail_here("chmod");
    if (::listen(fd, 128) != 0) fail_here("listen");
    return fd;
}

bool may_enter(int fd) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    return peer.uid == 0 || peer.uid == ::geteuid();
}

}  // namespace

/// Lives on the server's thread.
class Server::Listener : public std::enable_shared_from_this<Listener> {
  public:
    using Acceptor = asio::local::stream_protocol::acceptor;

    Listener(const std::shared_ptr<asio::io_context>& context, Backend& backend,
             const Limits& limits, int fd)
        : context_(context),
          backend_(backend),
          limits_(limits),
          acceptor_(*context, asio::local::stream_protocol(), fd),
          pause_(*context),
          stopping_(*context) {}

    asio::awaitable<void> accept_all() {
        const auto self = shared_from_this();
        // Ended by stop(), which closes the acceptor.
        while (acceptor_.is_open()) {
            boost::system::error_code error;
            asio::local::stream_protocol::socket peer(acceptor_.get_executor());
            co_await acceptor_.async_accept(peer, asio::redirect_error(asio::use_awaitable, error));
            if (!acceptor_.is_open()) break;
            if (error) {
                if (error != asio::error::connection_aborted) turn_one_away();
                pause_.expires_after(pause_without_descriptors);
                boost::system::error_code ignored;
                co_await pause_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
            } else if (may_enter(peer.native_handle())) {
                admit(Session::Socket(std::move(peer)));
            }
        }
    }

    void stop() {
        if (!acceptor_.is_open()) return;
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        pause_.cancel();
        for (const auto& session : sessions_) session->end_soon();
        if (sessions_.empty()) return;
        stopping_.expires_after(limits_.stop_time);
        stopping_.async_wait([self = shared_from_this()](auto cancelled) {
            const auto context = self->context_.lock();
            if (!cancelled && context) context->stop();
        });
    }

  private:
    void turn_one_away() {
        reserve_.give_up();
        const int fd = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_CLOEXEC);
        if (fd >= 0) ::close(fd);
        reserve_.take();
    }

    void admit(Session::Socket socket) {
        if (sessions_.size() >= limits_.connections && !make_room()) return;  // closes it
        const auto place = sessions_.insert(
            sessions_.end(),
            std::make_shared<Session>(context_.lock(), std::move(socket), backend_, limits_));
        asio::co_spawn(acceptor_.get_executor(), (*place)->serve(),
                       [self = shared_from_this(), place](std::exception_ptr bug) {
                           self->ended(place, std::move(bug));
                       });
    }

    /// Who has been waiting longest without asking anything goes first.
    bool make_room() {
        for (const auto& session : sessions_) {
            if (!session->is_idle() || session->is_ending()) continue;
            session->end_soon();
            return true;
        }
        return false;
    }

    void ended(std::list<std::shared_ptr<Session>>::iterator place, std::exception_ptr bug) {
        (*place)->close();
        sessions_.erase(place);
        if (sessions_.empty()) stopping_.cancel();
        if (!bug) return;
        try {
            std::rethrow_exception(bug);
        } catch (const std::exception& error) {
            backend_.report(fmt::format("a connection ended: {}", error.what()));
        }
    }

    // Weak: what is suspended in the context refers to this.
    std::weak_ptr<asio::io_context> context_;
    Backend& backend_;
    Limits limits_;
    Acceptor acceptor_;
    asio::steady_timer pause_;
    asio::steady_timer stopping_;
    std::list<std::shared_ptr<Session>> sessions_;  // in the order in which they came
    ReservedDescriptor reserve_;
};

Server::Server(Backend& backend, int directory, const std::string& name, Limits limits)
    : directory_(::fcntl(directory, F_DUPFD_CLOEXEC, 3)),
      name_(name),
      context_(std::make_shared<asio::io_context>(1)) {
    if (directory_ < 0) fail_call("dup", name);
    try {
        listener_ =
            std::make_shared<Listener>(context_, backend, limits, listen_at(directory_, name_));
    } catch (...) {
        ::close(directory_);
        throw;
    }
    asio::co_spawn(*context_, listener_->accept_all(), [&backend](std::exception_ptr bug) {
        if (bug) backend.report("the socket takes no more connections");
    });
    // Signals are for the loop of the daemon, which waits for them.
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([context = context_, &backend] {
        while (true) {
            try {
                context->run();
                return;
            } catch (const std::exception& bug) {
                backend.report(fmt::format("an exception reached the server: {}", bug.what()));
            }
        }
    });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Server::~Server() {
    stop();
    ::close(directory_);
}

void Server::stop() {
    if (!thread_.joinable()) return;
    asio::post(*context_, [listener = listener_] { listener->stop(); });
    thread_.join();
    ::unlinkat(directory_, name_.c_str(), 0);
}

}  // namespace bansuri::http
