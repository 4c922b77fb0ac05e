// SPDX-License-Identifier: MIT
#include "keeper/adoption.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "keeper/boot_clock.hpp"
#include "keeper/exit_evidence.hpp"
#include "keeper/pipe.hpp"
#include "keeper/poll_tag.hpp"
#include "keeper/process_table.hpp"
#include "keeper/report.hpp"
#include "keeper/spare_descriptors.hpp"
#include "keeper/starter.hpp"

namespace bansuri::keeper {
namespace {

/// PID 1 of a container may take its time to reap.
constexpr std::chrono::seconds patience_for_status(3);

bool has_ended(int pidfd) {
    pollfd end{pidfd, POLLIN, 0};
    return ::poll(&end, 1, 0) == 1;
}

void report_unread(const Attempt& attempt) {
    report("run %llu, attempt %u: no descriptors are left, its output is not read any more",
           static_cast<unsigned long long>(attempt.id.run), attempt.id.attempt);
}

/// None if it would take what is to be kept free.
UniqueFd spared(UniqueFd pipe) {
    return pipe && leaves_spare_descriptors(pipe.get()) ? std::move(pipe) : UniqueFd();
}

}  // namespace

SpawnError Adoption::adopt(const Message& message) {
    const auto parsed = parse_labelled<Adopt>(message);
    if (!parsed || parsed->body.survive > Survive::all) return {Step::request, EBADMSG};
    const Adopt& wanted = parsed->body;
    if (wanted.pid <= 1 || wanted.pid == ::getpid()) return {Step::request, ESRCH};
    // The number stays with one process only once it is pinned; that it is the one that is meant
    // is what the start time says then. Of a thread there is no pidfd.
    UniqueFd pidfd = pin(wanted.pid);
    if (!pidfd) return {Step::request, is_shortage(errno) ? errno : ESRCH};
    errno = 0;
    const auto info = ProcessInfo::read(wanted.pid);
    // Nothing says then that it is not there.
    if (!info && is_shortage(errno)) return {Step::request, errno};
    if (!info || info->dead || info->start_time != wanted.start_time) {
        return {Step::request, ESRCH};
    }

    Attempt& attempt = attempts_.insert(message.header.id());
    attempt.survive = wanted.survive;
    attempt.stop_timeout = bounded(wanted.stop_timeout_us);
    attempt.label = parsed->label;
    attempt.started.pid = wanted.pid;
    attempt.started.start_time = wanted.start_time;
    attempt.started.output_pipe = wanted.output_pipe;
    attempt.started.error_pipe = wanted.error_pipe;
    attempt.pidfd = std::move(pidfd);
    attempts_.set_adopted(attempt);
    find_pipes(attempt);
    if (attempt.output) attempt.started.captured |= captured_output;
    if (attempt.error) attempt.started.captured |= captured_error;
    containment_.adopt(attempt);
    if (attempt.cgroup && !leaves_spare_descriptors(attempt.cgroup->directory.get())) {
        attempt.cgroup.reset();  // then its processes are found in /proc
    }
    // Its end is an event from here on, also one that has come meanwhile.
    if (!watch(epoll_, {PollKind::adopted_leader, attempt.pidfd.get()}, EPOLLIN)) {
        return {Step::request, errno};
    }
    attempt.owes_started = true;
    attempts_.enqueue(attempt);
    return {};
}

UniqueFd Adoption::pin(pid_t pid) {
    for (;;) {
        UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
        const int error = errno;
        const bool enough = pidfd && leaves_spare_descriptors(pidfd.get());
        if (enough || (!pidfd && !is_shortage(error))) return pidfd;
        pidfd.reset();
        if (give_up_something()) continue;
        errno = error;
        if (error != ENFILE && error != ENOMEM) errno = EMFILE;
        return {};
    }
}

bool Adoption::give_up_something() {
    for (Attempt* const attempt : attempts_.adopted()) {
        // It lives in it all the same, and is found in /proc.
        if (attempt->cgroup && attempt->state != AttemptState::gone) {
            attempt->cgroup.reset();
            return true;
        }
    }
    for (Attempt* const attempt : attempts_.adopted()) {
        if (!attempt->output && !attempt->error) continue;
        report_unread(*attempt);
        attempt->output.reset();
        attempt->error.reset();
        attempt->started.captured = 0;
        return true;
    }
    return false;
}

void Adoption::find_pipes(Attempt& attempt) {
    const auto look_at = [&attempt](pid_t pid) {
        if (attempt.started.output_pipe != 0 && !attempt.output) {
            attempt.output = spared(reopen_pipe(pid, attempt.started.output_pipe));
        }
        if (attempt.started.error_pipe != 0 && !attempt.error) {
            attempt.error = spared(reopen_pipe(pid, attempt.started.error_pipe));
        }
    };
    const auto found_all = [&attempt] {
        return (attempt.started.output_pipe == 0 || attempt.output) &&
               (attempt.started.error_pipe == 0 || attempt.error);
    };
    look_at(attempt.leader());
    if (found_all()) return;
    if (!leaves_spare_descriptors(attempt.pidfd.get() + 2)) return report_unread(attempt);
    // The leader may have sent its own output elsewhere while its children still write.
    const ProcessTable table = ProcessTable::read();
    for (const ProcessInfo& process : table.processes()) {
        if (process.session != attempt.leader() || process.dead) continue;
        look_at(process.pid);
        if (found_all()) return;
    }
}

void Adoption::leader_event(int pidfd) {
    for (Attempt* const attempt : attempts_.adopted()) {
        if (attempt->pidfd.get() != pidfd || !attempt->leader_alive()) continue;
        if (has_ended(pidfd)) leader_died(*attempt);
        return;
    }
}

void Adoption::leader_died(Attempt& attempt) {
    const int pidfd = attempt.pidfd.get();
    auto evidence = evidence_of_pidfd(pidfd);
    if (!evidence.status) {
        evidence.status = status_of_zombie(attempt.leader(), attempt.started.start_time);
    }
    // Reaped between the two questions: then the first has its answer now.
    if (!evidence.status && evidence.may_come) evidence = evidence_of_pidfd(pidfd);
    const BootTime now = boot_now();
    if (!evidence.status && evidence.may_come && now < attempt.status_by) {
        // From now on only its reaping wakes us (EPOLLHUP comes unasked).
        watch(epoll_, {PollKind::adopted_leader, pidfd}, 0, true);
        if (attempt.status_by == never) attempt.status_by = now + patience_for_status;
        return;
    }
    attempt.status_by = never;
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, pidfd, nullptr);
    ending_.leader_ended(attempt, evidence.status);
}

void Adoption::work() {
    const BootTime now = boot_now();
    for (Attempt* const attempt : attempts_.adopted()) {
        if (attempt->leader_alive() && attempt->status_by <= now) leader_died(*attempt);
    }
}

BootTime Adoption::next_due() const {
    BootTime due = never;
    for (const Attempt* const attempt : attempts_.adopted()) {
        due = std::min(due, attempt->status_by);
    }
    return due;
}

}  // namespace bansuri::keeper
