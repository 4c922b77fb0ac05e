// SPDX-License-Identifier: MIT
#include "keeper/launcher.hpp"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <new>
#include <system_error>

#include "keeper/boot_clock.hpp"
#include "keeper/child.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {
namespace {

constexpr std::size_t page = 4096 * 16;  // the largest page that a supported machine has
constexpr std::size_t stack_size = 4 * page;

// clone3 with CLONE_VM needs a stack switch that glibc has no wrapper for: the child must not
// return through frames that its parent still needs. Elsewhere glibc's clone() serves, without
// CLONE_INTO_CGROUP.
#if defined(__x86_64__)
long clone3_call(clone_args* arguments, void (*entry)(void*), void* argument) {
    long result = SYS_clone3;
    register auto r8 asm("r8") = entry;
    register auto r9 asm("r9") = argument;
    asm volatile(
        "syscall\n\t"
        "test %%rax, %%rax\n\t"
        "jnz 1f\n\t"
        "xor %%ebp, %%ebp\n\t"
        "mov %%r9, %%rdi\n\t"
        "call *%%r8\n\t"
        "hlt\n"
        "1:"
        : "+a"(result)
        : "D"(arguments), "S"(sizeof(*arguments)), "r"(r8), "r"(r9)
        : "rcx", "r11", "memory", "cc");
    return result;
}
#elif defined(__aarch64__)
long clone3_call(clone_args* arguments, void (*entry)(void*), void* argument) {
    register long x0 asm("x0") = reinterpret_cast<long>(arguments);
    register long x1 asm("x1") = sizeof(*arguments);
    register long x8 asm("x8") = SYS_clone3;
    register auto x9 asm("x9") = entry;
    register auto x10 asm("x10") = argument;
    asm volatile(
        "svc #0\n\t"
        "cbnz x0, 1f\n\t"
        "mov x29, xzr\n\t"
        "mov x0, x10\n\t"
        "blr x9\n\t"
        "brk #0\n"
        "1:"
        : "+r"(x0)
        : "r"(x1), "r"(x8), "r"(x9), "r"(x10)
        : "x30", "memory", "cc");
    return x0;
}
#else
long clone3_call(clone_args*, void (*)(void*), void*) { return -ENOSYS; }
#endif

int clone_entry(void* plan) { run_child(plan); }

/// CLOCK_BOOTTIME in the unit in which /proc tells when a process was made.
std::uint64_t boot_ticks() {
    static const auto tick =
        std::chrono::nanoseconds(std::chrono::seconds(1)) / ::sysconf(_SC_CLK_TCK);
    return static_cast<std::uint64_t>(boot_now() / tick);
}

/// It has given up its memory already, so its end is a matter of microseconds.
void reap(pid_t child) {
    while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
}

Launcher::Launched refused(Step step, int error, std::uint32_t detail = 0) {
    Launcher::Launched launched;
    launched.failure = {step, error, detail};
    return launched;
}

}  // namespace

/// What a child uses until it has executed its program: it lies above the stack that it has, so
/// that it can be left to a child that does not let go of it.
struct Launcher::Workplace {
    ChildPlan plan;
    /// Not 0 while a child is in our memory; the kernel writes 0 then, and wakes who waits.
    std::uint32_t child = 0;

    /// False: not within this time.
    bool await_departure(std::chrono::nanoseconds within) {
        const BootTime until = boot_now() + within;
        for (std::uint32_t now = 0; (now = __atomic_load_n(&child, __ATOMIC_ACQUIRE)) != 0;) {
            const auto left = until - boot_now();
            if (left <= left.zero()) return false;
            const timespec pause{left / std::chrono::seconds(1),
                                 (left % std::chrono::seconds(1)).count()};
            ::syscall(SYS_futex, &child, FUTEX_WAIT, now, &pause, nullptr, 0);
        }
        return true;
    }
};

Launcher::Workplace* Launcher::make_workplace() {
    static_assert(sizeof(Workplace) < page);
    // The lowest page is the guard, the highest one the workplace.
    void* const memory = ::mmap(nullptr, page + stack_size + page, PROT_NONE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED || ::mprotect(static_cast<char*>(memory) + page, stack_size + page,
                                           PROT_READ | PROT_WRITE) < 0) {
        throw std::system_error(errno, std::generic_category(), "mmap");
    }
    return new (static_cast<char*>(memory) + page + stack_size) Workplace;
}

Launcher::Launcher(Inherited inherited, bool use_clone3)
    : inherited_(inherited), clone3_(use_clone3), place_(make_workplace()) {}

Launcher::~Launcher() {
    ::munmap(reinterpret_cast<char*>(place_) - stack_size - page, page + stack_size + page);
}

Launcher::Launched Launcher::launch(const StartSpec& spec, const Descriptors& descriptors) {
    ChildPlan& plan = place_->plan;
    plan = {};
    plan.spec = &spec;
    plan.input = descriptors.input;
    plan.output = descriptors.output;
    plan.error = descriptors.error;
    if (inherited_.restore_descriptors) plan.descriptors = &inherited_.descriptors;
    if (inherited_.oom_score[0] != '\0') plan.oom_score = inherited_.oom_score.data();

    const std::uint64_t begin = boot_ticks();
    char* const stack = reinterpret_cast<char*>(place_) - stack_size;
    constexpr unsigned flags = CLONE_VM | CLONE_CHILD_CLEARTID;
    __atomic_store_n(&place_->child, ~0U, __ATOMIC_RELEASE);
    long pid = -ENOSYS;
    if (clone3_) {
        clone_args arguments{};
        arguments.flags = flags;
        arguments.exit_signal = SIGCHLD;
        arguments.child_tid = reinterpret_cast<std::uint64_t>(&place_->child);
        arguments.stack = reinterpret_cast<std::uint64_t>(stack);
        arguments.stack_size = stack_size;
        if (descriptors.cgroup >= 0) {
            arguments.flags |= CLONE_INTO_CGROUP;
            arguments.cgroup = static_cast<std::uint64_t>(descriptors.cgroup);
        }
        pid = clone3_call(&arguments, run_child, &plan);
        // Old kernels do not have it, and old container runtimes forbid it with either error; Linux
        // before 5.7 has no CLONE_INTO_CGROUP.
        if (pid == -ENOSYS || pid == -EPERM || pid == -EINVAL) clone3_ = false;
    }
    UniqueFd procs;
    if (!clone3_) {
        if (descriptors.cgroup >= 0) {
            procs.reset(::openat(descriptors.cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC));
            if (!procs) return refused(Step::cgroup, errno);
            plan.cgroup_procs = procs.get();
        }
        pid = ::clone(clone_entry, stack + stack_size, static_cast<int>(flags) | SIGCHLD, &plan,
                      nullptr, nullptr, &place_->child);
        if (pid < 0) pid = -errno;
    }
    if (pid < 0) return refused(Step::clone, static_cast<int>(-pid));
    if (!place_->await_departure(patience)) {
        ::kill(static_cast<pid_t>(pid), SIGKILL);
        if (place_->await_departure(std::chrono::milliseconds(100))) {
            reap(static_cast<pid_t>(pid));
        } else {
            // It sleeps in the kernel, and never comes back to what it has of our memory.
            place_ = make_workplace();
        }
        return refused(Step::program, ETIMEDOUT);
    }
    if (plan.failed_step == Step::none) {
        // Made between two looks at the clock that /proc goes by. Most often both show the same
        // tick, which saves the kernel from making, and at its end removing, a directory of /proc
        // for it.
        return {static_cast<pid_t>(pid),
                {},
                begin == boot_ticks() ? begin : 0,
                plan.output_offset,
                plan.error_offset};
    }
    reap(static_cast<pid_t>(pid));
    return refused(plan.failed_step, plan.failed_error, plan.failed_detail);
}

}  // namespace bansuri::keeper
