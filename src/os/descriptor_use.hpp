// SPDX-License-Identifier: MIT
//
// How many of the descriptors that a process may have it has.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace bansuri::os {

struct DescriptorUse {
    std::uint64_t open = 0;
    std::uint64_t allowed = 0;  ///< the soft limit
    /// Nine tenths are in use.
    bool is_short() const { return open >= allowed - allowed / 10; }
};

/// Nothing if /proc does not tell. Where far fewer than the limit are in use, `open` is a number
/// that is not smaller, and the cost does not depend on it.
std::optional<DescriptorUse> descriptor_use(pid_t process);

}  // namespace bansuri::os
