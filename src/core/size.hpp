// SPDX-License-Identifier: MIT
//
// Numbers of bytes as people write them: "10M", "64KiB".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace bansuri {

/// Takes a number of bytes ("4096"), or a number with a unit: K M G T are powers of 1000
/// ("10M" is 10 000 000), Ki Mi Gi Ti powers of 1024; a B may follow ("10MB", "64KiB", "5B").
/// In any case; fractions ("1.5G") are rounded down to whole bytes. The error (config_invalid)
/// quotes the text and shows what would be right.
Result<std::uint64_t> parse_size(std::string_view text);

/// "10 MB", "1.5 MB", "512 B": rounded to three digits, in powers of 1000 up to terabytes. For
/// people's eyes; parse_size() reads it too.
std::string format_size(std::uint64_t bytes);

}  // namespace bansuri
