// SPDX-License-Identifier: MIT
//
// What is UTF-8, and how wide it stands on a terminal. Output and descriptions are bytes until
// somebody has looked.
#pragma once

#include <cstddef>
#include <string_view>

namespace bansuri {

/// The length of the well-formed sequence (RFC 3629) that `bytes` begins with; 0 if there is none.
std::size_t utf8_length(std::string_view bytes);
bool is_utf8(std::string_view bytes);

/// Bytes up to the first that is not a printable character of ASCII.
std::size_t plain_prefix(std::string_view text);

/// Columns of a terminal that well-formed text takes: wide characters of East Asia and emoji two,
/// marks that combine none. What is not UTF-8 counts one a byte.
std::size_t columns_of(std::string_view text);
/// The longest beginning of `text` that takes at most `columns`; whole characters only.
std::string_view cut_to_columns(std::string_view text, std::size_t columns);

}  // namespace bansuri
