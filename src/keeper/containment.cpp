// SPDX-License-Identifier: MIT
#include "keeper/containment.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace bansuri::keeper {
namespace {

/// How many processes of one cgroup get SIGTERM; a fork bomb has more, and is killed as a whole.
constexpr std::size_t max_members = 4096;

Attempt* unless_gone(Attempt* attempt) {
    return attempt != nullptr && attempt->state != AttemptState::gone ? attempt : nullptr;
}

}  // namespace

Containment::Containment(bool use_cgroups) : self_(::getpid()) {
    if (use_cgroups) {
        if (auto pool = CgroupPool::open()) cgroups_.emplace(std::move(*pool));
    }
}

ContainmentKind Containment::kind() const {
    return cgroups_ ? ContainmentKind::cgroups : ContainmentKind::processes;
}

void Containment::assign(Attempt& attempt) {
    if (cgroups_) attempt.cgroup = cgroups_->take();
}

void Containment::release(Attempt& attempt) {
    if (!attempt.cgroup) return;
    cgroups_->give_back(std::move(*attempt.cgroup));
    attempt.cgroup.reset();
}

bool Containment::may_have_left(const Attempt& attempt, AttemptTable& attempts) {
    if (attempt.cgroup) return CgroupPool::populated(*attempt.cgroup);
    if (::kill(-attempt.leader(), 0) == 0 || errno == EPERM) return true;
    // Whatever it left has an ancestor that is now a child of the keeper.
    std::vector<pid_t> children;
    if (!read_children(children)) return true;
    return std::any_of(children.begin(), children.end(), [&](pid_t child) {
        if (child == daemon_) return false;
        const Attempt* leading = attempts.led_by(child);
        if (leading != nullptr && leading->leader_alive()) return false;
        const auto known = orphan_at(child);
        return known == orphans_.end() || known->pid != child || known->owner == attempt.id;
    });
}

Containment::Members Containment::members(const Attempt& attempt, AttemptTable& attempts) {
    Members members;
    if (attempt.cgroup) {
        for (const pid_t pid : CgroupPool::processes(*attempt.cgroup, max_members)) {
            const auto info = ProcessInfo::read(pid);
            if (info && !info->dead) members.living.push_back(*info);
        }
        // An empty list of a populated cgroup: they have ended, or moved on, while we looked.
        members.certain = !members.living.empty() || !CgroupPool::populated(*attempt.cgroup);
        return members;
    }
    if (!look_) look(attempts);
    const auto processes = look_->table.processes();
    for (std::size_t i = 0; i < processes.size(); ++i) {
        if (look_->owners[i] == &attempt && !processes[i].dead) {
            members.living.push_back(processes[i]);
        }
    }
    members.certain = look_->table.complete();
    return members;
}

bool Containment::kill_everything(Attempt& attempt) {
    return attempt.cgroup && CgroupPool::kill(*attempt.cgroup);
}

void Containment::orphan_reaped(pid_t pid) {
    const auto at = orphan_at(pid);
    if (at != orphans_.end() && at->pid == pid) orphans_.erase(at);
}

void Containment::look(AttemptTable& attempts) {
    Look look{ProcessTable::read(), {}};
    const auto processes = look.table.processes();
    look.owners.resize(processes.size(), nullptr);
    // From the top down. A parent's number may be the greater one, so the order of the table does
    // not help: each walks up to an ancestor that is decided, and the path is decided on the way
    // back. The length of the walk is bounded in case reused numbers make the table lie in a circle.
    std::vector<bool> decided(processes.size(), false);
    std::vector<std::size_t> path;
    for (std::size_t start = 0; start < processes.size(); ++start) {
        path.clear();
        const Attempt* owner = nullptr;
        for (std::size_t at = start; path.size() <= processes.size();) {
            if (decided[at]) {
                owner = look.owners[at];
                break;
            }
            path.push_back(at);
            if (processes[at].parent == self_) {
                owner = owner_of_child(processes[at], attempts);
                break;
            }
            at = look.table.find(processes[at].parent);
            if (at == ProcessTable::npos) break;
        }
        for (const std::size_t at : path) {
            look.owners[at] = owner;
            decided[at] = true;
        }
    }
    look_ = std::move(look);
}

const Attempt* Containment::owner_of_child(const ProcessInfo& child, AttemptTable& attempts) {
    if (child.pid == daemon_) return nullptr;
    Attempt* const leading = attempts.led_by(child.pid);
    if (leading != nullptr && leading->leader_alive()) return leading;

    const auto at = orphan_at(child.pid);
    if (at != orphans_.end() && at->pid == child.pid) {
        return at->owner ? unless_gone(attempts.find(*at->owner)) : nullptr;
    }
    if (child.dead) return nullptr;
    // The number of a session or a group is not given to another process while it has a member.
    Attempt* owner = unless_gone(attempts.led_by(child.session));
    if (owner == nullptr) owner = unless_gone(attempts.led_by(child.group));
    if (owner == nullptr) {
        if (const auto id = attempt_in_environment(child.pid)) {
            owner = unless_gone(attempts.find(*id));
        }
    }
    orphans_.insert(at, {child.pid, owner != nullptr ? std::optional(owner->id) : std::nullopt});
    return owner;
}

std::vector<Containment::Orphan>::iterator Containment::orphan_at(pid_t pid) {
    return std::lower_bound(
        orphans_.begin(), orphans_.end(), pid,
        [](const Orphan& orphan, pid_t number) { return orphan.pid < number; });
}

}  // namespace bansuri::keeper
