// SPDX-License-Identifier: MIT
#include "keeper/ending.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <new>
#include <utility>

#include "keeper/boot_clock.hpp"
#include "keeper/spare_descriptors.hpp"

namespace bansuri::keeper {
namespace {

using std::chrono::milliseconds;

/// How often a look that may have missed something is repeated before it is believed. Where /proc
/// hides processes from us, no look is ever complete.
constexpr unsigned max_uncertain_checks = 5;

std::int64_t microseconds(const timeval& time) {
    return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
}

Usage usage_of(const rusage& from) {
    Usage usage;
    usage.user_us = microseconds(from.ru_utime);
    usage.system_us = microseconds(from.ru_stime);
    usage.max_rss_kib = from.ru_maxrss;
    usage.blocks_in = from.ru_inblock;
    usage.blocks_out = from.ru_oublock;
    usage.voluntary_switches = from.ru_nvcsw;
    usage.involuntary_switches = from.ru_nivcsw;
    return usage;
}

bool covers(Scope scope, const ProcessInfo& process, pid_t leader) {
    switch (scope) {
        case Scope::nothing: return false;
        case Scope::session: return process.session == leader || process.group == leader;
        case Scope::everything: return true;
    }
    return false;
}

/// Looking costs, so most of the time is for other work; but one look that took long, because the
/// machine stood still, must not put the next one off for long.
constexpr std::chrono::nanoseconds longest_rest = milliseconds(250);

/// A process in uninterruptible sleep does not stop either: then those around it are killed as
/// they are.
constexpr unsigned max_stops = 4;

/// 2, 4, 8 ... 256 ms: most things end at once or not for a long time.
milliseconds pause_after(unsigned checks) { return milliseconds(2 << std::min(checks, 7U)); }

}  // namespace

void Ending::end(Attempt& attempt, std::chrono::nanoseconds grace, EndCause cause) {
    if (attempt.state == AttemptState::gone) return;
    if (attempt.cause == EndCause::none && attempt.leader_alive()) attempt.cause = cause;
    const BootTime now = boot_now();
    attempt.ending = Scope::everything;
    attempt.kill_at = std::min(attempt.kill_at, boot_after(now, grace));
    attempt.checks = 0;
    attempts_.settle(attempt, now);
}

void Ending::leader_ended(Attempt& attempt) {
    int status = 0;
    rusage usage{};
    while (::wait4(attempt.leader(), &status, 0, &usage) < 0) {
        if (errno != EINTR) return;
    }
    attempt.exited.wait_status = status;
    attempt.exited.usage = usage_of(usage);
    see_to_leftovers(attempt);
}

void Ending::leader_ended(Attempt& attempt, std::optional<int> status) {
    attempt.exited.wait_status = status.value_or(0);
    attempt.exited.status_unknown = status ? 0 : 1;
    see_to_leftovers(attempt);
}

void Ending::see_to_leftovers(Attempt& attempt) {
    attempt.state = AttemptState::ended;
    attempt.exited.cause = attempt.cause;
    attempt.owes_exited = true;
    attempts_.enqueue(attempt);

    bool may_have_left = true;
    try {
        may_have_left = containment_.may_have_left(attempt, attempts_);
    } catch (const std::bad_alloc&) {  // then the look that follows has to tell
    }
    if (!may_have_left) return finish(attempt, {});
    const BootTime now = boot_now();
    if (attempt.ending == Scope::nothing && attempt.survive != Survive::all) {
        attempt.ending = attempt.survive == Survive::none ? Scope::everything : Scope::session;
        attempt.kill_at = boot_after(now, attempt.stop_timeout);
    }
    attempt.checks = 0;
    attempts_.settle(attempt, now);
}

void Ending::orphans_died() {
    const BootTime now = boot_now();
    for (Attempt* const attempt : attempts_.settling()) {
        if (!attempt->leader_alive()) attempts_.settle(*attempt, std::min(attempt->check_at, now));
    }
}

void Ending::work() {
    if (attempts_.settling().empty()) return;
    const BootTime start = boot_now();
    bool looked = false;
    containment_.forget_look();
    // From the back, because finish() takes the attempt out of the list.
    for (std::size_t i = attempts_.settling().size(); i-- > 0;) {
        Attempt& attempt = *attempts_.settling()[i];
        if (attempt.check_at > start) continue;
        if (!attempt.cgroup || attempt.moved) {
            if (start < next_look_) {
                attempts_.settle(attempt, next_look_);
                continue;
            }
            looked = true;
        }
        look_after(attempt, start);
    }
    if (looked) {
        const BootTime now = boot_now();
        next_look_ = now + std::clamp<std::chrono::nanoseconds>(4 * (now - start), milliseconds(2),
                                                                longest_rest);
    }
}

BootTime Ending::next_due() const {
    BootTime due = never;
    for (const Attempt* attempt : attempts_.settling()) due = std::min(due, attempt->check_at);
    return due;
}

void Ending::look_after(Attempt& attempt, BootTime now) {
    // First, so that a lack of memory below means a later look and not an endless turn.
    attempts_.settle(attempt, now + milliseconds(20));
    const bool kill = now >= attempt.kill_at;
    const bool everything = attempt.ending == Scope::everything;
    if (attempt.cgroup && everything) {
        // In one step, while nobody can fork in between; then it no longer matters who is in there,
        // only whether anybody is.
        const bool killed = kill && Containment::kill_everything(attempt);
        const bool asked = !kill && attempt.notified == attempt.ending;
        if ((killed || asked) && !Containment::has_moved(attempt)) {
            if (!attempt.leader_alive() && !CgroupPool::populated(*attempt.cgroup)) {
                return finish(attempt, {});
            }
            return look_later(attempt, now, kill);
        }
    }
    if (!can_look()) return end_unseen(attempt, now, kill);
    const Containment::Members members = containment_.members(attempt, attempts_);
    std::vector<ProcessInfo> doomed;
    for (const ProcessInfo& process : members.living) {
        if (covers(attempt.ending, process, attempt.leader())) doomed.push_back(process);
    }
    if (!attempt.leader_alive() && doomed.empty() &&
        (members.certain || attempt.checks >= max_uncertain_checks)) {
        // /proc is no picture of one moment. What forks all the time may be missed by a look: its
        // parent has just gone and its own number is one that the look had passed, or it is
        // replacing its program and has no environment yet. So such are looked for once more.
        if (!std::exchange(attempt.has_forked, false)) return finish(attempt, members.living);
        return attempts_.settle(attempt, now + milliseconds(5));
    }
    const bool in_proc = !attempt.cgroup || attempt.moved;
    attempt.has_forked = in_proc && std::any_of(doomed.begin(), doomed.end(), [&](const auto& one) {
                             return one.pid != attempt.leader();
                         });
    if (kill) {
        kill_all(attempt, doomed);
    } else if (attempt.notified < attempt.ending) {
        notify(attempt, doomed);
    }
    look_later(attempt, now, kill);
}

void Ending::end_unseen(Attempt& attempt, BootTime now, bool kill) {
    // No descriptors to find or to pin anybody; the leader needs none.
    if (kill) {
        kill_leader(attempt);
    } else {
        notify_leader(attempt);
    }
    attempts_.settle(attempt, now + pause_after(attempt.checks++));
}

void Ending::notify(Attempt& attempt, const std::vector<ProcessInfo>& doomed) {
    notify_leader(attempt);
    for (const ProcessInfo& process : doomed) {
        if (covers(attempt.notified, process, attempt.leader())) continue;
        if (attempt.leader_alive() && process.pid == attempt.leader()) continue;
        // A stopped process acts on SIGTERM only once it goes on.
        if (signal_process(process, SIGTERM)) signal_process(process, SIGCONT);
    }
    attempt.notified = attempt.ending;
}

void Ending::notify_leader(Attempt& attempt) {
    if (!attempt.leader_alive() || std::exchange(attempt.leader_notified, true)) return;
    signal_leader(attempt, SIGTERM);
    signal_leader(attempt, SIGCONT);
}

void Ending::look_later(Attempt& attempt, BootTime now, bool kill) {
    // A leader's end is an event of its own; what it leaves behind has to be looked for.
    if (attempt.leader_alive() && !kill) return attempts_.settle(attempt, attempt.kill_at);
    const BootTime next = now + pause_after(attempt.checks++);
    attempts_.settle(attempt, kill ? next : std::min(next, attempt.kill_at));
}

void Ending::kill_all(Attempt& attempt, const std::vector<ProcessInfo>& doomed) {
    // All are stopped before the first is killed: whoever dies takes with it the proof of whose its
    // children are, and whoever runs may fork. One look for all attempts a round.
    bool all_stopped = true;
    for (const ProcessInfo& process : doomed) {
        if (process.stopped) continue;
        all_stopped = false;
        signal_process(process, SIGSTOP);
    }
    if (!all_stopped && attempt.stops++ < max_stops) return;
    attempt.stops = 0;
    for (const ProcessInfo& process : doomed) signal_process(process, SIGKILL);
    kill_leader(attempt);
}

void Ending::kill_leader(const Attempt& attempt) {
    if (!attempt.leader_alive()) return;
    signal_leader(attempt, SIGKILL);
    if (!attempt.adopted()) {
        ::kill(-attempt.leader(), SIGKILL);  // its group's number is as sure as its own
        return;
    }
    constexpr unsigned to_the_group = 1U << 2;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9
    ::syscall(SYS_pidfd_send_signal, attempt.pidfd.get(), SIGKILL, nullptr, to_the_group);
}

void Ending::signal_leader(const Attempt& attempt, int number) {
    if (attempt.adopted()) {
        ::syscall(SYS_pidfd_send_signal, attempt.pidfd.get(), number, nullptr, 0);
    } else {
        ::kill(attempt.leader(), number);  // not reaped yet, so the number is its own
    }
}

void Ending::finish(Attempt& attempt, const std::vector<ProcessInfo>& survivors) {
    attempt.state = AttemptState::gone;
    attempt.gone.survivors = static_cast<std::uint32_t>(survivors.size());
    const std::size_t named = std::min(survivors.size(), max_survivors);
    for (std::size_t i = 0; i < named; ++i) attempt.gone.pids[i] = survivors[i].pid;
    attempt.owes_gone = true;
    attempts_.enqueue(attempt);
    attempts_.settled(attempt);
    attempts_.leaderless(attempt);
    containment_.release(attempt);
}

}  // namespace bansuri::keeper
