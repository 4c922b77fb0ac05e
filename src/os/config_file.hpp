// SPDX-License-Identifier: MIT
//
// Reading scripts.json from the disk, warily: whoever can write it decides what runs.
#pragma once

#include <string>

#include "core/result.hpp"

namespace bansuri::os {

/// Tells two states of a file apart without reading it.
struct FileIdentity {
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified_ns = 0, changed_ns = 0;
    bool operator==(const FileIdentity&) const = default;
};

struct ConfigText {
    std::string text;
    std::string directory;  ///< absolute: the base of relative paths in the file
    FileIdentity identity;
};

/// The whole file. Errors (io; config_invalid for what is too large) name the path and the cause:
/// not there, not readable, not a regular file, writable by everybody, larger than 32 MiB.
/// Does not hang on a FIFO or a device. Blocks for as long as the disk does.
Result<ConfigText> read_config_file(const std::string& path);

/// The identity of what `path` names now; a default one if there is nothing.
FileIdentity identify(const std::string& path);

}  // namespace bansuri::os
