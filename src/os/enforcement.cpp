// SPDX-License-Identifier: MIT
#include "os/enforcement.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace bansuri::os {

Enforcement enforce(const ResourceLimits& limits, std::uint32_t controllers, bool as_root) {
    Enforcement enforcement;
    const auto limit = [&](int resource, std::uint64_t soft, std::uint64_t hard) {
        enforcement.limits.push_back({static_cast<std::uint32_t>(resource), 0, soft, hard});
    };
    const auto has = [controllers](std::uint32_t controller) {
        return (controllers & controller) != 0;
    };
    if (limits.memory && has(keeper::controls_memory)) {
        enforcement.cgroup.memory = *limits.memory;
    } else if (limits.memory) {
        // Not the address space: many a program reserves far more of it than it ever uses.
        limit(RLIMIT_DATA, *limits.memory, *limits.memory);
        enforcement.shortcomings.emplace_back(
            "memory: without the cgroup's memory controller it holds for each process by itself, "
            "for its own data only; an allocation beyond it fails");
    }
    if (limits.processes && has(keeper::controls_processes)) {
        enforcement.cgroup.processes = *limits.processes;
    } else if (limits.processes) {
        limit(RLIMIT_NPROC, *limits.processes, *limits.processes);
        enforcement.shortcomings.emplace_back(
            as_root ? "processes: without the cgroup's pids controller it does not hold for root"
                    : "processes: without the cgroup's pids controller all processes of the user "
                      "count, other tasks' and those of a login too");
    }
    if (limits.cpu && has(keeper::controls_cpu)) {
        const double quota = *limits.cpu * static_cast<double>(keeper::cpu_period_us);
        constexpr std::uint64_t least = 1000;  // the kernel takes no less
        enforcement.cgroup.cpu_quota_us =
            std::max(least, static_cast<std::uint64_t>(std::llround(quota)));
    } else if (limits.cpu) {
        enforcement.shortcomings.emplace_back(
            "cpu: without the cgroup's cpu controller it is not enforced");
    }
    if (limits.open_files) limit(RLIMIT_NOFILE, *limits.open_files, *limits.open_files);
    if (limits.file_size) limit(RLIMIT_FSIZE, *limits.file_size, *limits.file_size);
    if (limits.core) limit(RLIMIT_CORE, *limits.core, *limits.core);
    if (limits.cpu_time) {
        // SIGXCPU at the limit, which tells why; SIGKILL for what goes on a second later.
        const auto seconds = static_cast<std::uint64_t>(
            std::chrono::ceil<std::chrono::seconds>(*limits.cpu_time).count());
        limit(RLIMIT_CPU, seconds, seconds + 1);
    }
    return enforcement;
}

const char* key_of_resource(std::uint32_t resource) {
    switch (resource) {
        case RLIMIT_DATA: return "memory";
        case RLIMIT_NPROC: return "processes";
        case RLIMIT_NOFILE: return "open-files";
        case RLIMIT_FSIZE: return "file-size";
        case RLIMIT_CORE: return "core";
        case RLIMIT_CPU: return "cpu-time";
        default: return "?";
    }
}

}  // namespace bansuri::os
