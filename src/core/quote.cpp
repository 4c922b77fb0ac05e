// SPDX-License-Identifier: MIT
//
// Text from outside inside a message.
#include "core/quote.hpp"

#include <fmt/format.h>

#include <iterator>

namespace bansuri {

std::string quote(std::string_view text) {
    constexpr std::size_t longest = 60;
    std::string result = "\"";
    for (const char byte : text.substr(0, longest)) {
        if (byte == '"' || byte == '\\') {
            result += '\\';
            result += byte;
        } else if (byte >= ' ' && byte <= '~') {
            result += byte;
        } else {
            fmt::format_to(std::back_inserter(result), "\\x{:02x}",
                           static_cast<unsigned>(static_cast<unsigned char>(byte)));
        }
    }
    result += text.size() > longest ? "\"..." : "\"";
    return result;
}

}  // namespace bansuri
