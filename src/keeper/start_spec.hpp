// SPDX-License-Identifier: MIT
//
// What one attempt needs to start, as it travels from the daemon to the keeper: a fixed head, then
// limits and groups, then strings that each end with a NUL, ready for execve(2), then the label.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "keeper/protocol.hpp"

namespace bansuri::keeper {

/// By its environment the keeper knows an orphan again where there are no cgroups: by
/// BANSURI_RUN_ID and BANSURI_ATTEMPT, or, where these tell of a run that the process is not part
/// of (a notifier's), by this, the run, a dot and the attempt.
inline constexpr std::string_view attempt_mark = "BANSURI_KEEPER_ID=";

/// Where a stream of the attempt goes.
enum class TargetKind : std::uint8_t { pipe, file, null, combined };

struct Target {
    TargetKind kind = TargetKind::null;
    const char* path = "";  ///< TargetKind::file only
};

/// As whom an attempt runs.
struct Identity {
    std::uint32_t user = 0;
    std::uint32_t group = 0;
    std::vector<std::uint32_t> groups;  ///< supplementary, in ascending order, each once
};
/// Linux allows 65536; whoever has more than these runs nothing.
inline constexpr std::size_t max_groups = 1024;

/// One of setrlimit(2), soft and hard.
struct ResourceLimit {
    std::uint32_t resource = 0;  ///< RLIMIT_...
    std::uint32_t reserved = 0;
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};
inline constexpr std::size_t max_resource_limits = 16;

/// What the attempt's cgroup is to allow, all of it together; 0: no limit.
struct CgroupLimits {
    std::uint64_t memory = 0;        ///< bytes
    std::uint64_t processes = 0;     ///< threads count as well
    std::uint64_t cpu_quota_us = 0;  ///< processor time in each cpu_period
    bool any() const { return memory != 0 || processes != 0 || cpu_quota_us != 0; }
};
inline constexpr std::uint64_t cpu_period_us = 100'000;

/// The strings belong to whoever made the spec: parse_start() points into the bytes it was given.
struct StartSpec {
    std::vector<const char*> argv;         ///< argv[0] is the program's path; ends with nullptr
    std::vector<const char*> environment;  ///< "NAME=value", complete; ends with nullptr
    const char* working_directory = "/";
    Target output;
    Target error;  ///< any kind; `combined` is where the output goes
    Survive survive = Survive::daemons;
    std::int64_t stop_timeout_us = 0;  ///< between SIGTERM and SIGKILL for what was left behind
    std::string_view label = {};       ///< any bytes, at most max_label; kept, and shown by `list`
    std::optional<Identity> identity = {};  ///< none: as the keeper
    std::optional<int> priority = {};       ///< nice value; none: the keeper's
    std::optional<unsigned> umask = {};     ///< none: the keeper's
    std::vector<ResourceLimit> limits = {};
    CgroupLimits cgroup_limits = {};
};

/// Nothing if the bytes are not exactly one spec: a missing NUL, an unknown enumerator, a count
/// that does not fit, no argv at all. Throws std::bad_alloc only.
std::optional<StartSpec> parse_start(std::span<const std::byte> bytes);

/// The opposite; the result may be longer than max_spec, which the caller has to refuse.
std::vector<std::byte> encode_start(const StartSpec& spec);

/// The packet of a start whose spec is `body`, or nothing where that travels in a memfd.
std::vector<std::byte> encode_start_packet(AttemptId id, std::uint16_t flags,
                                           std::span<const std::byte> body);

}  // namespace bansuri::keeper
