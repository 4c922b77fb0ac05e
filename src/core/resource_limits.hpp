// SPDX-License-Identifier: MIT
//
// `limits`: what a task may use at most. docs/isolation.md says by which means each is enforced.
#pragma once

#include <cstdint>
#include <optional>

#include "core/time.hpp"

namespace bansuri {

struct ResourceLimits {
    std::optional<std::uint64_t> memory;      ///< bytes, of all its processes
    std::optional<double> cpu;                ///< processor cores, of all its processes
    std::optional<std::uint64_t> processes;   ///< and threads, at once
    std::optional<std::uint64_t> open_files;  ///< of one process
    std::optional<std::uint64_t> file_size;   ///< bytes
    std::optional<std::uint64_t> core;        ///< bytes of a core dump
    std::optional<Duration> cpu_time;         ///< of one process
    bool operator==(const ResourceLimits&) const = default;
};

}  // namespace bansuri
