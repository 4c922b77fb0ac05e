// SPDX-License-Identifier: MIT
#include "keeper/daemon_process.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "keeper/proc_file.hpp"

namespace bansuri::keeper {
namespace {

/// All that the child needs, made before the fork: in the child nothing must throw into the loop
/// that it is a copy of.
struct Execution {
    const char* program;
    std::vector<char*> argv;
    std::vector<char*> environment;
};

char* writable(const std::string& text) { return const_cast<char*>(text.c_str()); }

/// In the child of a fork. The result goes to the keeper through `failure`, which execve closes.
[[noreturn]] void become_daemon(const Execution& execution, const std::vector<int>& descriptors,
                                const Launcher::Inherited& inherited, int socket, int failure) {
    ::setsid();
    if (inherited.oom_score[0] != '\0') {
        write_small_file(AT_FDCWD, "/proc/self/oom_score_adj", inherited.oom_score.data());
    }
    // Upwards first: either of the two may have the number that the socket is to get.
    failure = ::fcntl(failure, F_DUPFD_CLOEXEC, daemon_socket + 1);
    if (socket == daemon_socket) {
        ::fcntl(socket, F_SETFD, 0);
    } else {
        ::dup2(socket, daemon_socket);
    }
    for (const int fd : descriptors) ::fcntl(fd, F_SETFD, 0);
    // The signals that we pass on stay blocked until the daemon can take them: one that comes while
    // it starts waits for it.
    const sigset_t passed_on = forwarded_signals();
    ::sigprocmask(SIG_SETMASK, &passed_on, nullptr);
    ::execve(execution.program, execution.argv.data(), execution.environment.data());
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(failure, &error, sizeof(error));
    ::_exit(127);
}

}  // namespace

sigset_t forwarded_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}) {
        sigaddset(&signals, signal);
    }
    return signals;
}

int DaemonProcess::exec_error() const {
    int error = 0;
    const ssize_t size = ::read(failure.get(), &error, sizeof(error));
    return size == static_cast<ssize_t>(sizeof(error)) ? error : 0;
}

DaemonProcess start_daemon(const DaemonCommand& command, const std::string& program,
                           unsigned number, const Launcher::Inherited& inherited) {
    std::array<int, 2> sockets{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) < 0) {
        throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    DaemonProcess daemon;
    daemon.socket.reset(sockets[0]);
    const UniqueFd theirs(sockets[1]);
    std::array<int, 2> failure{-1, -1};
    if (::pipe2(failure.data(), O_CLOEXEC | O_NONBLOCK) < 0) {
        throw std::system_error(errno, std::generic_category(), "pipe2");
    }
    daemon.failure.reset(failure[0]);
    const UniqueFd telling(failure[1]);

    const std::string mark = std::string(daemon_number) + "=";
    const std::string marked = mark + std::to_string(number);
    Execution execution{program.c_str(), {}, {}};
    for (const std::string& text : command.argv) execution.argv.push_back(writable(text));
    execution.argv.push_back(nullptr);
    for (const std::string& text : command.environment) {
        if (!text.starts_with(mark)) execution.environment.push_back(writable(text));
    }
    execution.environment.push_back(writable(marked));
    execution.environment.push_back(nullptr);

    daemon.pid = ::fork();
    if (daemon.pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (daemon.pid == 0) {
        become_daemon(execution, command.descriptors, inherited, theirs.get(), telling.get());
    }
    return daemon;
}

}  // namespace bansuri::keeper
