// SPDX-License-Identifier: MIT
//
// By which means of the kernel each of a task's limits is enforced on this machine: by cgroup v2
// where the keeper has been given its controllers, else by setrlimit(2), else by none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/resource_limits.hpp"
#include "keeper/start_spec.hpp"

namespace bansuri::os {

struct Enforcement {
    std::vector<keeper::ResourceLimit> limits;
    keeper::CgroupLimits cgroup;
    /// What is not enforced, or otherwise than it was meant: "cpu: ...", a sentence each.
    std::vector<std::string> shortcomings;
};

/// `controllers`: bits of the keeper's Hello. `as_root`: the task runs as root, for whom the kernel
/// does not count processes.
Enforcement enforce(const ResourceLimits& limits, std::uint32_t controllers, bool as_root);

/// The key in `limits` that stands behind an RLIMIT_ number.
const char* key_of_resource(std::uint32_t resource);

}  // namespace bansuri::os
