// SPDX-License-Identifier: MIT
//
// Which processes belong to an attempt: by its cgroup where there is one, else by descent, session,
// process group and environment of what /proc shows below the keeper.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <vector>

#include "keeper/attempt_table.hpp"
#include "keeper/cgroup_pool.hpp"
#include "keeper/process_table.hpp"

namespace bansuri::keeper {

class Containment {
  public:
    /// Without `use_cgroups`, or where they cannot be used, all is done by way of /proc.
    explicit Containment(bool use_cgroups);
    ContainmentKind kind() const;

    /// The daemon is the keeper's child as well, and neither it nor its children are an attempt's.
    void set_daemon(pid_t daemon) { daemon_ = daemon; }

    /// Gives the attempt a cgroup if there is one to be had.
    void assign(Attempt& attempt);
    /// Finds the cgroup of an adopted attempt again, if a dead keeper gave it one.
    void adopt(Attempt& attempt) const;
    /// The attempt is gone, or never came to be.
    void release(Attempt& attempt);

    /// After the leader was reaped: whether it may have left processes behind. Cheap; an error is
    /// on the side of "yes".
    bool may_have_left(const Attempt& attempt, AttemptTable& attempts);

    struct Members {
        std::vector<ProcessInfo> living;  ///< the leader included
        bool certain = true;              ///< false: some may be missing, look again
    };
    /// Throws std::bad_alloc only. Several calls between two of forget_look() share one look at
    /// /proc.
    Members members(Attempt& attempt, AttemptTable& attempts);
    /// Whether a leader has left its cgroup, as root may: then its processes are found in /proc as
    /// well, from here on.
    static bool has_moved(Attempt& attempt);
    void forget_look() { look_.reset(); }

    /// SIGKILL to all of the attempt in one step; false if that is not possible.
    static bool kill_everything(Attempt& attempt);

    /// A child of the keeper that is no leader has been reaped.
    void orphan_reaped(pid_t pid);

  private:
    /// A process below the keeper, as the last look saw it. Whose it is, is decided once, before it
    /// can cover that up: later its parents may be gone and its environment wiped.
    struct Seen {
        pid_t pid = -1;
        std::uint64_t start_time = 0;
        std::optional<AttemptId> owner;  ///< none: nothing tells whose it is
        bool is_child = false;           ///< of the keeper: its number is sure until it is reaped
    };
    struct Look {
        ProcessTable table;
        std::vector<const Attempt*> owners;  ///< in parallel to the table
    };
    void add_from_proc(const Attempt& attempt, AttemptTable& attempts, Members& members);
    void look(AttemptTable& attempts);
    void remember(const Look& look, const std::vector<bool>& below);
    /// Of a process that does not descend from us.
    const Attempt* owner_of_stranger(const ProcessInfo& process, AttemptTable& attempts,
                                     const std::vector<const Attempt*>& pinned);
    /// Not sure: another look may tell more, so this one is not remembered.
    const Attempt* owner_of_child(const ProcessInfo& child, AttemptTable& attempts, bool& sure);
    Seen* seen(pid_t pid);

    bool use_cgroups_;
    pid_t self_;
    ChildList child_list_;
    pid_t daemon_ = -1;
    std::optional<CgroupPool> cgroups_;
    std::optional<Look> look_;
    std::vector<Seen> seen_;  ///< in order of pid
};

}  // namespace bansuri::keeper
