// SPDX-License-Identifier: MIT
#include "keeper/adoption.hpp"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "keeper/boot_clock.hpp"
#include "keeper/exit_evidence.hpp"
#include "keeper/pipe.hpp"
#include "keeper/poll_tag.hpp"
#include "keeper/process_table.hpp"
#include "keeper/starter.hpp"

namespace bansuri::keeper {
namespace {

/// PID 1 of a container may take its time to reap.
constexpr std::chrono::seconds patience_for_status(3);

bool has_ended(int pidfd) {
    pollfd end{pidfd, POLLIN, 0};
    return ::poll(&end, 1, 0) == 1;
}

}  // namespace

SpawnError Adoption::adopt(const Message& message) {
    const auto parsed = parse_labelled<Adopt>(message);
    if (!parsed || parsed->body.survive > Survive::all) return {Step::request, EBADMSG};
    const Adopt& wanted = parsed->body;
    if (wanted.pid <= 1 || wanted.pid == ::getpid()) return {Step::request, ESRCH};
    // The number stays with one process only once it is pinned; that it is the one that is meant
    // is what the start time says then. Of a thread there is no pidfd.
    UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, wanted.pid, 0)));
    if (!pidfd) {
        const bool shortage = errno == EMFILE || errno == ENFILE || errno == ENOMEM;
        return {Step::request, shortage ? errno : ESRCH};
    }
    const auto info = ProcessInfo::read(wanted.pid);
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
    // Its end is an event from here on, also one that has come meanwhile.
    watch(epoll_, {PollKind::adopted_leader, attempt.pidfd.get()}, EPOLLIN);
    attempt.owes_started = true;
    attempts_.enqueue(attempt);
    return {};
}

void Adoption::find_pipes(Attempt& attempt) {
    const auto look_at = [&attempt](pid_t pid) {
        if (attempt.started.output_pipe != 0 && !attempt.output) {
            attempt.output = reopen_pipe(pid, attempt.started.output_pipe);
        }
        if (attempt.started.error_pipe != 0 && !attempt.error) {
            attempt.error = reopen_pipe(pid, attempt.started.error_pipe);
        }
    };
    const auto found_all = [&attempt] {
        return (attempt.started.output_pipe == 0 || attempt.output) &&
               (attempt.started.error_pipe == 0 || attempt.error);
    };
    look_at(attempt.leader());
    if (found_all()) return;
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
