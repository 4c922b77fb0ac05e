// SPDX-License-Identifier: MIT
#include "keeper/containment.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "keeper/spare_descriptors.hpp"

namespace bansuri::keeper {
namespace {

/// How many processes of one cgroup get SIGTERM; a fork bomb has more, and is killed as a whole.
constexpr std::size_t max_members = 4096;

Attempt* unless_gone(Attempt* attempt) {
    return attempt != nullptr && attempt->state != AttemptState::gone ? attempt : nullptr;
}

}  // namespace

Containment::Containment(bool use_cgroups) : use_cgroups_(use_cgroups), self_(::getpid()) {
    if (use_cgroups) {
        if (auto pool = CgroupPool::open()) cgroups_.emplace(std::move(*pool));
    }
}

ContainmentKind Containment::kind() const {
    return cgroups_ ? ContainmentKind::cgroups : ContainmentKind::processes;
}

void Containment::assign(Attempt& attempt) {
    if (!cgroups_) return;
    attempt.cgroup = cgroups_->take();
    if (attempt.cgroup && !leaves_spare_descriptors(attempt.cgroup->directory.get())) {
        release(attempt);
    }
}

void Containment::adopt(Attempt& attempt) const {
    if (use_cgroups_) attempt.cgroup = CgroupPool::adopt(attempt.leader());
}

void Containment::release(Attempt& attempt) {
    if (!attempt.cgroup) return;
    if (attempt.cgroup->pool) {
        CgroupPool::discard(std::move(*attempt.cgroup));
    } else {
        cgroups_->give_back(std::move(*attempt.cgroup));
    }
    attempt.cgroup.reset();
}

bool Containment::may_have_left(const Attempt& attempt, AttemptTable& attempts) {
    if (attempt.cgroup && (!attempt.moved || CgroupPool::populated(*attempt.cgroup))) {
        return CgroupPool::populated(*attempt.cgroup);
    }
    if (attempt.adopted()) return true;  // its orphans are not given to us
    if (::kill(-attempt.leader(), 0) == 0 || errno == EPERM) return true;
    // Whatever it left has an ancestor that is now a child of the keeper.
    std::vector<pid_t> children;
    if (!child_list_.read(children)) return true;
    return std::any_of(children.begin(), children.end(), [&](pid_t child) {
        if (child == daemon_) return false;
        const Attempt* leading = attempts.led_by(child);
        if (leading != nullptr && leading->leader_alive()) return false;
        const Seen* const known = seen(child);
        return known == nullptr || !known->is_child || known->owner == attempt.id;
    });
}

bool Containment::has_moved(Attempt& attempt) {
    if (!attempt.cgroup || attempt.moved || !attempt.leader_alive()) return attempt.moved;
    const auto pids = CgroupPool::processes(*attempt.cgroup, max_members);
    if (std::find(pids.begin(), pids.end(), attempt.leader()) != pids.end()) return false;
    // One that has ended, and waits to be reaped, is in no list either.
    const auto leader = ProcessInfo::read(attempt.leader());
    attempt.moved = leader && !leader->dead;
    return attempt.moved;
}

Containment::Members Containment::members(Attempt& attempt, AttemptTable& attempts) {
    Members members;
    if (attempt.cgroup) {
        for (const pid_t pid : CgroupPool::processes(*attempt.cgroup, max_members)) {
            const auto info = ProcessInfo::read(pid);
            if (info && !info->dead) members.living.push_back(*info);
        }
        // An empty list of a populated cgroup: they have ended, or moved on, while we looked.
        members.certain = !members.living.empty() || !CgroupPool::populated(*attempt.cgroup);
        if (!has_moved(attempt)) return members;
    }
    add_from_proc(attempt, attempts, members);
    return members;
}

void Containment::add_from_proc(const Attempt& attempt, AttemptTable& attempts, Members& members) {
    if (!look_) look(attempts);
    const auto in_cgroup = static_cast<std::ptrdiff_t>(members.living.size());
    const auto processes = look_->table.processes();
    for (std::size_t i = 0; i < processes.size(); ++i) {
        if (look_->owners[i] != &attempt || processes[i].dead) continue;
        const auto end = members.living.begin() + in_cgroup;
        const bool known = std::any_of(members.living.begin(), end, [&](const ProcessInfo& one) {
            return one.pid == processes[i].pid;
        });
        if (!known) members.living.push_back(processes[i]);
    }
    members.certain = members.certain && look_->table.complete();
}

bool Containment::kill_everything(Attempt& attempt) {
    return attempt.cgroup && CgroupPool::kill(*attempt.cgroup);
}

void Containment::orphan_reaped(pid_t pid) {
    Seen* const known = seen(pid);
    if (known != nullptr) seen_.erase(seen_.begin() + (known - seen_.data()));
}

void Containment::look(AttemptTable& attempts) {
    Look look{ProcessTable::read(), {}};
    const auto processes = look.table.processes();
    look.owners.resize(processes.size(), nullptr);
    // From the top down. A parent's number may be the greater one, so the order of the table does
    // not help: each walks up to an ancestor that is decided, and the path is decided on the way
    // back. The length of the walk is bounded in case reused numbers make the table lie in a
    // circle.
    std::vector<const Attempt*> pinned;
    for (const Attempt* attempt : attempts.adopted()) {
        // Asked after the table was read: a number that is still its leader's was so all the time.
        if (::syscall(SYS_pidfd_send_signal, attempt->pidfd.get(), 0, nullptr, 0) == 0) {
            pinned.push_back(attempt);
        }
    }
    std::vector<bool> decided(processes.size(), false);
    std::vector<bool> below(processes.size(), false);
    std::vector<std::size_t> path;
    for (std::size_t start = 0; start < processes.size(); ++start) {
        path.clear();
        const Attempt* owner = nullptr;
        bool is_below = false;
        for (std::size_t at = start; path.size() <= processes.size();) {
            if (decided[at]) {
                owner = look.owners[at];
                is_below = below[at];
                break;
            }
            path.push_back(at);
            if (processes[at].pid == self_) break;
            if (processes[at].parent == self_) {
                is_below = true;
                owner = owner_of_child(processes[at], attempts, is_below);
                break;
            }
            if (!attempts.adopted().empty()) {
                owner = owner_of_stranger(processes[at], attempts, pinned);
                is_below = owner != nullptr;
                if (is_below) break;
            }
            at = look.table.find(processes[at].parent);
            if (at == ProcessTable::npos) break;
        }
        for (const std::size_t at : path) {
            look.owners[at] = owner;
            below[at] = is_below;
            decided[at] = true;
        }
    }
    remember(look, below);
    look_ = std::move(look);
}

void Containment::remember(const Look& look, const std::vector<bool>& below) {
    std::vector<Seen> now;
    const auto processes = look.table.processes();
    for (std::size_t i = 0; i < processes.size(); ++i) {
        const ProcessInfo& process = processes[i];
        if (!below[i] || process.dead) continue;
        const Attempt* const owner = look.owners[i];
        now.push_back({process.pid, process.start_time,
                       owner != nullptr ? std::optional(owner->id) : std::nullopt,
                       process.parent == self_});
    }
    seen_ = std::move(now);
}

const Attempt* Containment::owner_of_stranger(const ProcessInfo& process, AttemptTable& attempts,
                                              const std::vector<const Attempt*>& pinned) {
    const Seen* const known = seen(process.pid);
    for (const Attempt* const attempt : attempts.adopted()) {
        if (attempt->state == AttemptState::gone) continue;
        if (attempt->cgroup && !attempt->moved) continue;
        const pid_t leader = attempt->leader();
        if (process.pid == leader && process.start_time == attempt->started.start_time) {
            return attempt;
        }
        if (known != nullptr && known->start_time == process.start_time &&
            known->owner == attempt->id) {
            return attempt;
        }
        if (process.dead || (process.session != leader && process.group != leader)) continue;
        // While the leader has its number, a session or group of that number is its own. Later it
        // could be a stranger's: then the process has to say itself whose it is. That alone would
        // not do, for another Bansuri's runs have the same numbers.
        const bool sure = std::find(pinned.begin(), pinned.end(), attempt) != pinned.end() ||
                          attempt_in_environment(process.pid) == attempt->id;
        if (sure) return attempt;
    }
    return nullptr;
}

const Attempt* Containment::owner_of_child(const ProcessInfo& child, AttemptTable& attempts,
                                           bool& sure) {
    if (child.pid == daemon_) return nullptr;
    Attempt* const leading = attempts.led_by(child.pid);
    if (leading != nullptr && leading->leader_alive()) return leading;

    const Seen* const known = seen(child.pid);
    if (known != nullptr && known->start_time == child.start_time) {
        return known->owner ? unless_gone(attempts.find(*known->owner)) : nullptr;
    }
    if (child.dead) return nullptr;
    // The number of a session or a group is not given to another process while it has a member.
    if (Attempt* const owner = unless_gone(attempts.led_by(child.session))) return owner;
    if (Attempt* const owner = unless_gone(attempts.led_by(child.group))) return owner;
    const Environment environment = read_environment(child.pid);
    sure = !environment.empty;  // it may have one in a moment
    const auto& id = environment.attempt;
    return id ? unless_gone(attempts.find(*id)) : nullptr;
}

Containment::Seen* Containment::seen(pid_t pid) {
    const auto at =
        std::lower_bound(seen_.begin(), seen_.end(), pid,
                         [](const Seen& one, pid_t number) { return one.pid < number; });
    return at != seen_.end() && at->pid == pid ? &*at : nullptr;
}

}  // namespace bansuri::keeper
