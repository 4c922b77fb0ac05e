// SPDX-License-Identifier: MIT
//
// Reading small files of /proc and of the cgroup file system, without allocating.
#pragma once

#include <fcntl.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {

/// As much of the file as fits, or nothing, with errno. Into at most a page it is read at once, as
/// the kernel hands out such a file whole. `directory` may be AT_FDCWD.
std::optional<std::string_view> read_small_file(int directory, const char* path,
                                                std::span<char> buffer);

/// Writes all of `text` at once; false with errno.
bool write_small_file(int directory, const char* path, std::string_view text);

/// A decimal number at the front of `text`, which it is taken off together with one separator.
std::optional<std::int64_t> take_number(std::string_view& text);

}  // namespace bansuri::keeper
