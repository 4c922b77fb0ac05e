// SPDX-License-Identifier: MIT
#include "keeper/child.hpp"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

// ::syscall throughout: the sanitizers and the coverage runtime replace open, close and execve by
// functions that take locks or allocate.

namespace bansuri::keeper {
namespace {

[[noreturn]] void fail(ChildPlan& plan, Step step, int error, std::uint32_t detail = 0) {
    plan.failed_step = step;
    plan.failed_error = error;
    plan.failed_detail = detail;
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

void limit(ChildPlan& plan, const ResourceLimit& one) {
    const rlimit64 wanted{one.soft, one.hard};
    if (::syscall(SYS_prlimit64, 0, one.resource, &wanted, nullptr) < 0) {
        fail(plan, Step::limit, errno, one.resource);
    }
}

/// A new limit on descriptors holds for those that are opened below, under numbers above all that
/// the keeper has open. So it is lowered at the end; what takes a privilege is done at once.
void raise_descriptors(ChildPlan& plan, const ResourceLimit& wanted) {
    rlimit64 now{};
    ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, nullptr, &now);
    if (wanted.hard > now.rlim_max) limit(plan, {RLIMIT_NOFILE, 0, now.rlim_cur, wanted.hard});
}

void limit_resources(ChildPlan& plan) {
    for (const ResourceLimit& one : plan.spec->limits) {
        if (one.resource == RLIMIT_NOFILE) {
            raise_descriptors(plan, one);
        } else {
            limit(plan, one);
        }
    }
}

void limit_descriptors(ChildPlan& plan) {
    if (plan.descriptors != nullptr) {
        ::syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, plan.descriptors, nullptr);
    }
    for (const ResourceLimit& one : plan.spec->limits) {
        if (one.resource == RLIMIT_NOFILE) limit(plan, one);
    }
}

/// So that the task can open /dev/stdout and /dev/stderr by their names.
void give_pipe(ChildPlan& plan, int pipe, const Identity& identity) {
    if (pipe >= 0 && ::syscall(SYS_fchown, pipe, identity.user, identity.group) < 0) {
        fail(plan, Step::ownership, errno);
    }
}

/// The kernel's word on all that was asked of it: an attempt runs as exactly that user, or not.
bool is_now(const Identity& identity) {
    std::uint32_t real = 0;
    std::uint32_t effective = 0;
    std::uint32_t saved = 0;
    if (::syscall(SYS_getresuid, &real, &effective, &saved) < 0 || real != identity.user ||
        effective != identity.user || saved != identity.user) {
        return false;
    }
    if (::syscall(SYS_getresgid, &real, &effective, &saved) < 0 || real != identity.group ||
        effective != identity.group || saved != identity.group) {
        return false;
    }
    std::uint32_t groups[max_groups];
    const long count = ::syscall(SYS_getgroups, static_cast<int>(max_groups), groups);
    if (count < 0 || static_cast<std::size_t>(count) != identity.groups.size()) return false;
    for (std::size_t i = 0; i < identity.groups.size(); ++i) {
        if (groups[i] != identity.groups[i]) return false;  // the kernel keeps them in order, too
    }
    return true;
}

/// In the order in which each step still has the privilege that it needs, and no way back: what
/// the user may not do, the task must not be able to do either.
void become(ChildPlan& plan, const Identity& identity) {
    give_pipe(plan, plan.output, identity);
    give_pipe(plan, plan.error, identity);
    if (::syscall(SYS_setgroups, static_cast<int>(identity.groups.size()), identity.groups.data()) <
        0) {
        fail(plan, Step::groups, errno);
    }
    if (::syscall(SYS_setresgid, identity.group, identity.group, identity.group) < 0) {
        fail(plan, Step::group, errno);
    }
    if (::syscall(SYS_setresuid, identity.user, identity.user, identity.user) < 0) {
        fail(plan, Step::user, errno);
    }
    const bool regains_root = identity.user != 0 && ::syscall(SYS_setuid, 0U) == 0;
    if (regains_root || !is_now(identity)) fail(plan, Step::identity, EPERM);
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
    limit_resources(plan);
    if (spec.priority && ::syscall(SYS_setpriority, PRIO_PROCESS, 0, *spec.priority) < 0) {
        fail(plan, Step::priority, errno);
    }
    if (spec.umask) ::syscall(SYS_umask, *spec.umask);
    if (spec.identity) become(plan, *spec.identity);
    // From here on as the user: what may not be entered or written does not become so by us.
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
    limit_descriptors(plan);
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
