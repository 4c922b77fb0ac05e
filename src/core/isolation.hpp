// SPDX-License-Identifier: MIT
//
// As whom and within what bounds a task runs, where it asks for it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/resource_limits.hpp"

namespace bansuri {

struct EnvironmentFile {
    std::string path;      ///< absolute
    bool required = true;  ///< false: it was written with a leading `-`
    bool operator==(const EnvironmentFile&) const = default;
};

struct Isolation {
    std::string user;             ///< name or number; empty: Bansuri's own
    std::string group;            ///< name or number; empty: the user's
    std::optional<int> priority;  ///< nice value
    std::optional<unsigned> umask;
    ResourceLimits limits;
    std::vector<EnvironmentFile> environment_files;
    /// Names of variables, the root's included, in order, each once.
    std::vector<std::string> secrets;

    /// A start has to ask the machine first: for accounts, for files.
    bool needs_lookup() const {
        return !user.empty() || !group.empty() || !environment_files.empty();
    }
    bool operator==(const Isolation&) const = default;
};

}  // namespace bansuri
