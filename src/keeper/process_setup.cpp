// SPDX-License-Identifier: MIT
#include "keeper/process_setup.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

#include "keeper/proc_file.hpp"

namespace bansuri::keeper {
namespace {

/// Below all but what must never be killed (-1000): without the keeper nobody sees how a task ends.
constexpr int keeper_oom_score = -900;
constexpr const char* oom_score_file = "/proc/self/oom_score_adj";

void hide_other_descriptors() {
    constexpr unsigned close_on_exec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
    if (::syscall(SYS_close_range, 3U, ~0U, close_on_exec) == 0) return;
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const int last = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, 65536));
    for (int fd = STDERR_FILENO + 1; fd < last; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

void reset_signals() {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; ++number) ::sigaction(number, &standard, nullptr);
}

}  // namespace

void fill_standard_descriptors() {
    for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
        if (::fcntl(number, F_GETFD) >= 0) continue;
        // It gets the lowest free number, which is this one, and is to be inherited under it.
        const int fd = ::open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (fd < 0) throw std::system_error(errno, std::generic_category(), "open \"/dev/null\"");
        ::fcntl(fd, F_SETFD, 0);
    }
}

Launcher::Inherited prepare_process() {
    Launcher::Inherited inherited;
    reset_signals();
    fill_standard_descriptors();
    hide_other_descriptors();
    if (::prctl(PR_SET_CHILD_SUBREAPER, 1) < 0) {
        throw std::system_error(errno, std::generic_category(), "prctl PR_SET_CHILD_SUBREAPER");
    }

    rlimit& descriptors = inherited.descriptors;
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) == 0 &&
        descriptors.rlim_cur < descriptors.rlim_max) {
        const rlimit raised{descriptors.rlim_max, descriptors.rlim_max};
        inherited.restore_descriptors = ::setrlimit(RLIMIT_NOFILE, &raised) == 0;
    }
    auto score =
        read_small_file(AT_FDCWD, oom_score_file,
                        std::span(inherited.oom_score).first(inherited.oom_score.size() - 1));
    const auto number = score ? take_number(*score) : std::nullopt;
    std::array<char, 16> lower;
    std::snprintf(lower.data(), lower.size(), "%d", keeper_oom_score);
    if (!number || *number <= keeper_oom_score ||
        !write_small_file(AT_FDCWD, oom_score_file, lower.data())) {
        inherited.oom_score = {};
    }
    return inherited;
}

}  // namespace bansuri::keeper
