// SPDX-License-Identifier: MIT
//
// How a process ended that is nobody's child here: what the kernel tells of it, and never a guess.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace bansuri::keeper {

struct ExitEvidence {
    std::optional<int> status;  ///< as wait(2) encodes it
    bool may_come = false;      ///< it has not been reaped yet, and the kernel will tell then
};

/// Of a dead process, asked through its pidfd: known once its parent has reaped it, by kernels from
/// 6.15 on (PIDFD_GET_INFO with PIDFD_INFO_EXIT), for as long as the pidfd is open.
ExitEvidence evidence_of_pidfd(int pidfd);

/// Of a zombie, as /proc shows it (field 52 of its stat), on any kernel: nothing if it has been
/// reaped, or if we may not see it. `start_time` is field 22.
std::optional<int> status_of_zombie(pid_t pid, std::uint64_t start_time);

}  // namespace bansuri::keeper
