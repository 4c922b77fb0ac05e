// SPDX-License-Identifier: MIT
#include "core/printable.hpp"

#include <fmt/format.h>

#include <iterator>

namespace bansuri {
namespace {

/// The length of the well-formed UTF-8 sequence that `bytes` begins with; 0 if there is none.
std::size_t sequence_length(std::string_view bytes) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned char lead = byte(0);
    std::size_t length = 0;
    unsigned low = 0x80;
    unsigned high = 0xbf;  // of the second byte: excludes overlong forms and surrogates
    if (lead < 0x80) return 1;
    if (lead >= 0xc2 && lead <= 0xdf) length = 2;
    if (lead >= 0xe0 && lead <= 0xef) length = 3;
    if (lead >= 0xf0 && lead <= 0xf4) length = 4;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
    if (length == 0 || length > bytes.size() || byte(1) < low || byte(1) > high) return 0;
    for (std::size_t i = 2; i < length; ++i) {
        if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
    }
    return length;
}

bool acts_on_a_terminal(std::string_view sequence) {
    const auto first = static_cast<unsigned char>(sequence[0]);
    if (sequence.size() == 1)
        return (first < 0x20 && first != '\n' && first != '\t') || first == 0x7f;
    return first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;  // U+0080..U+009F
}

}  // namespace

std::string printable_lines(std::string_view bytes) {
    std::string shown;
    shown.reserve(bytes.size());
    while (!bytes.empty()) {
        const std::size_t length = sequence_length(bytes);
        const std::string_view part = bytes.substr(0, length == 0 ? 1 : length);
        if (length > 0 && !acts_on_a_terminal(part)) {
            shown.append(part);
        } else {
            for (const char c : part) {
                fmt::format_to(std::back_inserter(shown), "\\x{:02x}",
                               static_cast<unsigned char>(c));
            }
        }
        bytes.remove_prefix(part.size());
    }
    return shown;
}

}  // namespace bansuri
