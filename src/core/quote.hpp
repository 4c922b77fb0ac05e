// SPDX-License-Identifier: MIT
//
// Text from outside inside a message: in quotes, printable, and never longer than a person reads.
#pragma once

#include <string>
#include <string_view>

namespace bansuri {

/// `"text"`, cut after 60 bytes ("..." outside the quotes); bytes that are not printable ASCII
/// appear as \xNN, so that a message is always one line of valid UTF-8.
std::string quote(std::string_view text);

}  // namespace bansuri
