// SPDX-License-Identifier: MIT
//
// cgroups for attempts, made below the keeper's own cgroup (v2) and used again and again: making
// and removing one for each run costs up to a fifth of a short launch, reusing it next to nothing.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {

class CgroupPool {
  public:
    /// One cgroup. Empty of processes when it is taken.
    struct Leaf {
        int number = -1;
        UniqueFd directory;
        bool killed = false;  ///< must not be used again
        UniqueFd pool;        ///< of a dead keeper whose leaf this is, locked; else none
    };

    /// Nothing where cgroup v2 is not mounted, not writable, or too old to kill (Linux 5.14).
    /// Removes what dead keepers left behind.
    static std::optional<CgroupPool> open();
    CgroupPool(CgroupPool&&) = default;
    CgroupPool& operator=(CgroupPool&&) = delete;
    CgroupPool(const CgroupPool&) = delete;
    CgroupPool& operator=(const CgroupPool&) = delete;
    /// Removes all that is empty. What survivors live in stays.
    ~CgroupPool();

    /// Nothing if none can be made (limits of the hierarchy, no descriptors, no memory).
    std::optional<Leaf> take();
    /// Gives a leaf back. One in which processes live is not used again; it is removed once they
    /// have ended.
    void give_back(Leaf leaf);

    /// The leaf in which a dead keeper put this process. Nothing if it is in none, or in one that
    /// its keeper still holds, or that we live in ourselves: there it is not alone.
    static std::optional<Leaf> adopt(pid_t pid);
    /// Removes an adopted leaf, if it is empty. Else that is left to the keeper that comes next.
    static void discard(Leaf leaf);

    static bool populated(const Leaf& leaf);
    /// The processes in the leaf and below, at most `limit` of them.
    static std::vector<pid_t> processes(const Leaf& leaf, std::size_t limit);
    /// SIGKILL to all that is in the leaf and below, in one step that no fork escapes.
    static bool kill(Leaf& leaf);

  private:
    CgroupPool(UniqueFd parent, std::string name, UniqueFd directory);
    UniqueFd parent_;  ///< the keeper's own cgroup
    std::string name_;
    UniqueFd directory_;
    std::vector<Leaf> free_;
    std::vector<int> retired_;
    int next_ = 0;
};

/// Where a process's own cgroup of v2 is found, from the texts of its /proc/PID/cgroup and
/// /proc/PID/mountinfo. Empty if there is none, or none that its mounts show.
std::string own_cgroup_directory(std::string_view cgroup, std::string_view mountinfo);

}  // namespace bansuri::keeper
