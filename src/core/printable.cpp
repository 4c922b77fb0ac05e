// SPDX-License-Identifier: MIT
#include "core/printable.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/utf8.hpp"

namespace bansuri {
namespace {

enum class Whitespace { stays, is_shown };

bool acts_on_a_terminal(std::string_view sequence, Whitespace whitespace) {
    const auto first = static_cast<unsigned char>(sequence[0]);
    if (sequence.size() == 1) {
        const bool stays = whitespace == Whitespace::stays && (first == '\n' || first == '\t');
        return (first < 0x20 && !stays) || first == 0x7f;
    }
    return first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0;  // U+0080..U+009F
}

std::string printable(std::string_view bytes, Whitespace whitespace) {
    std::string shown;
    shown.reserve(bytes.size());
    while (true) {
        const std::size_t plain = plain_prefix(bytes);
        shown.append(bytes.substr(0, plain));
        bytes.remove_prefix(plain);
        if (bytes.empty()) break;
        const std::size_t length = utf8_length(bytes);
        const std::string_view part = bytes.substr(0, length == 0 ? 1 : length);
        if (length > 0 && !acts_on_a_terminal(part, whitespace)) {
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

}  // namespace

std::string printable_lines(std::string_view bytes) { return printable(bytes, Whitespace::stays); }

std::string printable_line(std::string_view bytes) {
    return printable(bytes, Whitespace::is_shown);
}

std::string printable_json(std::string_view json) {
    std::string shown;
    shown.reserve(json.size());
    // Outside of strings there is none of them, so that an escape can stand wherever one is.
    while (true) {
        const std::size_t plain = plain_prefix(json);
        shown.append(json.substr(0, plain));
        json.remove_prefix(plain);
        if (json.empty()) break;
        const std::size_t length = std::max<std::size_t>(1, utf8_length(json));
        const std::string_view part = json.substr(0, length);
        if (part == "\x7f" || (length == 2 && acts_on_a_terminal(part, Whitespace::stays))) {
            fmt::format_to(std::back_inserter(shown), "\\u{:04x}",
                           static_cast<unsigned char>(part.back()));
        } else {
            shown.append(part);
        }
        json.remove_prefix(length);
    }
    return shown;
}

}  // namespace bansuri
