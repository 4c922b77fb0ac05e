// SPDX-License-Identifier: MIT
//
// What a new attempt does between clone and execve. It runs in the keeper's memory (CLONE_VM) while
// the keeper waits, so it makes system calls and nothing else: no allocation, no lock, no library
// state. Compiled without sanitizers, whose bookkeeping would be the keeper's own.
#pragma once

#include <sys/resource.h>

#include <cstdint>

#include "keeper/protocol.hpp"
#include "keeper/start_spec.hpp"

namespace bansuri::keeper {

struct ChildPlan {
    // Set by the parent. Descriptors are -1 where there is none, else above 2.
    const StartSpec* spec = nullptr;
    int input = -1;                       ///< sealed memfd that becomes fd 0; none: /dev/null
    int output = -1;                      ///< write end of a pipe
    int error = -1;                       ///< write end of a pipe
    int cgroup_procs = -1;                ///< to join the cgroup by hand, where clone could not
    const rlimit* descriptors = nullptr;  ///< RLIMIT_NOFILE to go back to; none: leave it
    const char* oom_score = nullptr;      ///< to write back; none: leave it
    // Set by the child when it fails; it then ends with code 127.
    Step failed_step = Step::none;
    int failed_error = 0;
    std::uint32_t failed_detail = 0;
    // Set by the child as it goes: how long the files are that it appends to.
    std::uint64_t output_offset = 0;
    std::uint64_t error_offset = 0;
};

/// `plan` is a ChildPlan. Never returns.
[[noreturn]] void run_child(void* plan);

}  // namespace bansuri::keeper
