// SPDX-License-Identifier: MIT
#include "keeper/run.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <exception>
#include <memory>
#include <system_error>

#include "keeper/proc_file.hpp"
#include "keeper/process_setup.hpp"
#include "keeper/report.hpp"

namespace bansuri::keeper {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> list;
    for (const std::string& text : strings) list.push_back(const_cast<char*>(text.c_str()));
    list.push_back(nullptr);
    return list;
}

/// In the child of a fork. The result goes to the keeper through `failure`, which execve closes.
[[noreturn]] void become_daemon(const DaemonCommand& command, const Launcher::Inherited& inherited,
                                int socket, int failure) {
    const std::vector<char*> argv = pointers(command.argv);
    const std::vector<char*> environment = pointers(command.environment);
    ::setsid();
    if (inherited.oom_score[0] != '\0') {
        write_small_file(AT_FDCWD, "/proc/self/oom_score_adj", inherited.oom_score.data());
    }
    if (inherited.restore_descriptors) ::setrlimit(RLIMIT_NOFILE, &inherited.descriptors);
    // Upwards first: either of the two may have the number that the socket is to get.
    failure = ::fcntl(failure, F_DUPFD_CLOEXEC, daemon_socket + 1);
    if (socket == daemon_socket) {
        ::fcntl(socket, F_SETFD, 0);
    } else {
        ::dup2(socket, daemon_socket);
    }
    // The signals that we pass on stay blocked until the daemon can take them: one that comes while
    // it starts waits for it.
    const sigset_t passed_on = forwarded_signals();
    ::sigprocmask(SIG_SETMASK, &passed_on, nullptr);
    ::execve(command.path.c_str(), argv.data(), environment.data());
    const int error = errno;
    [[maybe_unused]] const auto written = ::write(failure, &error, sizeof(error));
    ::_exit(127);
}

struct Daemon {
    UniqueFd socket;
    pid_t pid = -1;
};

Daemon start_daemon(const DaemonCommand& command, const Launcher::Inherited& inherited) {
    std::array<int, 2> sockets{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) < 0) {
        throw std::system_error(errno, std::generic_category(), "socketpair");
    }
    Daemon daemon;
    daemon.socket.reset(sockets[0]);
    const UniqueFd theirs(sockets[1]);
    std::array<int, 2> failure{-1, -1};
    if (::pipe2(failure.data(), O_CLOEXEC) < 0) {
        throw std::system_error(errno, std::generic_category(), "pipe2");
    }
    const UniqueFd told(failure[0]);
    UniqueFd telling(failure[1]);
    daemon.pid = ::fork();
    if (daemon.pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (daemon.pid == 0) become_daemon(command, inherited, theirs.get(), telling.get());
    telling.reset();
    int error = 0;
    if (::read(told.get(), &error, sizeof(error)) == sizeof(error)) {
        ::waitpid(daemon.pid, nullptr, 0);
        throw std::system_error(error, std::generic_category(), "exec \"" + command.path + "\"");
    }
    return daemon;
}

int serve(Daemon daemon, const Launcher::Inherited& inherited, const Options& options) {
    const auto keeper = [&] {
        try {
            return std::make_unique<Keeper>(std::move(daemon.socket), daemon.pid, inherited,
                                            options);
        } catch (...) {
            // A daemon without a keeper is of no use to anybody.
            ::kill(daemon.pid, SIGKILL);
            ::waitpid(daemon.pid, nullptr, 0);
            throw;
        }
    }();
    return keeper->run();
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

int run(const DaemonCommand& command, Options options) {
    try {
        const Launcher::Inherited inherited = prepare_process();
        Daemon daemon = start_daemon(command, inherited);
        const int status = serve(std::move(daemon), inherited, options);
        if (WIFEXITED(status)) return WEXITSTATUS(status);
        report("the daemon was killed by signal %d (%s); its tasks have been ended",
               WTERMSIG(status), ::strsignal(WTERMSIG(status)));
    } catch (const std::exception& error) {
        report("%s", error.what());
    }
    return 1;
}

}  // namespace bansuri::keeper
