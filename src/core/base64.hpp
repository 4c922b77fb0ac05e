// SPDX-License-Identifier: MIT
//
// Bytes that no text can hold, inside JSON: base64 of RFC 4648, section 4.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bansuri {

std::string to_base64(std::string_view bytes);
/// Nothing if the text is not what to_base64() makes: another alphabet, blanks, missing padding.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace bansuri
