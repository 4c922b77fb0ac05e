// SPDX-License-Identifier: MIT
#include "keeper/child.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

// ::syscall throughout: the sanitizers and the coverage runtime replace open, close and execve by
// functions that take locks or allocate.

namespace bansuri::keeper {
namespace {

[[noreturn]] void fail(ChildPlan& plan, Step step, int error) {
    plan.failed_step = step;
    plan.failed_error = error;
    for (;;) ::syscall(SYS_exit_group, 127);
}

int open_file(const char* path, int flags) {
    return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC, 0666));
}

/// A file that output is appended to. O_NONBLOCK so that a FIFO without a reader is ENXIO and not
/// a keeper that hangs; it is taken off again, for the task is owed an ordinary descriptor.
int open_output_file(const char* path, std::uint64_t& offset) {
    const int fd = open_file(path, O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return fd;
    ::syscall(SYS_fcntl, fd, F_SETFL, O_APPEND);
    const long end = ::syscall(SYS_lseek, fd, 0L, SEEK_END);  // fails for what has no length
    offset = end > 0 ? static_cast<std::uint64_t>(end) : 0;
    return fd;
}

void place(ChildPlan& plan, Step step, int fd, int number) {
    // The source is above 2 (the keeper sees to it), so dup3 never meets its EINVAL for fd ==
    // number.
    if (fd < 0 || ::syscall(SYS_dup3, fd, number, 0) < 0) fail(plan, step, errno);
}

void place_output(ChildPlan& plan, Step step, const Target& target, int pipe, int number,
                  std::uint64_t& offset) {
    switch (target.kind) {
        case TargetKind::pipe: return place(plan, step, pipe, number);
        case TargetKind::file:
            return place(plan, step, open_output_file(target.path, offset), number);
        case TargetKind::null: return place(plan, step, open_file("/dev/null", O_WRONLY), number);
        case TargetKind::combined: return place(plan, step, STDOUT_FILENO, number);
    }
}

void write_text(int fd, const char* text) {
    std::size_t length = 0;
    while (text[length] != '\0') ++length;
    ::syscall(SYS_write, fd, text, length);
}

}  // namespace

void run_child(void* argument) {
    ChildPlan& plan = *static_cast<ChildPlan*>(argument);
    const StartSpec& spec = *plan.spec;

    if (plan.cgroup_procs >= 0 && ::syscall(SYS_write, plan.cgroup_procs, "0", 1) != 1) {
        fail(plan, Step::cgroup, errno);
    }
    if (::syscall(SYS_setsid) < 0) fail(plan, Step::session, errno);
    // The keeper protects itself from the OOM killer and has room for many descriptors; a task gets
    // what the keeper was given. If that cannot be had back, it is no reason not to run.
    if (plan.oom_score != nullptr) {
        const int fd = open_file("/proc/self/oom_score_adj", O_WRONLY);
        if (fd >= 0) write_text(fd, plan.oom_score);
    }
    if (plan.descriptors != nullptr) {
        ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, plan.descriptors, nullptr);
    }
    if (::syscall(SYS_chdir, spec.working_directory) < 0) {
        fail(plan, Step::working_directory, errno);
    }

    place(plan, Step::standard_input,
          plan.input >= 0 ? plan.input : open_file("/dev/null", O_RDONLY), STDIN_FILENO);
    place_output(plan, Step::standard_output, spec.output, plan.output, STDOUT_FILENO,
                 plan.output_offset);
    if (spec.error.kind == TargetKind::combined) plan.error_offset = plan.output_offset;
    place_output(plan, Step::standard_error, spec.error, plan.error, STDERR_FILENO,
                 plan.error_offset);
    // All of them are close-on-exec; this also ends those that were handed to the keeper open.
    // Before Linux 5.9 there is no such call, and close-on-exec has to do.
    ::syscall(SYS_close_range, 3U, ~0U, 0U);

    // Dispositions are the default already: the keeper resets its own when it starts and has no
    // handlers. Only the mask is left.
    const std::uint64_t nothing = 0;
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &nothing, nullptr, sizeof(nothing));
    ::syscall(SYS_execve, spec.argv[0], spec.argv.data(), spec.environment.data());
    fail(plan, Step::program, errno);
}

}  // namespace bansuri::keeper
