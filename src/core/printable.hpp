// SPDX-License-Identifier: MIT
//
// Bytes are data: how they are shown where a control character could do something.
#pragma once

#include <string>
#include <string_view>

namespace bansuri {

/// Control characters (also DEL and the C1 set in UTF-8) and bytes that are not UTF-8 become
/// "\x1b"; newlines and tabs stay.
std::string printable_lines(std::string_view bytes);
/// The same, and newlines and tabs are shown as well ("\\x0a"): one line, whatever comes.
std::string printable_line(std::string_view bytes);
/// JSON that means the same, in which no DEL and no control character of the C1 set is left: who
/// writes JSON escapes only those below U+0020.
std::string printable_json(std::string_view json);

}  // namespace bansuri
