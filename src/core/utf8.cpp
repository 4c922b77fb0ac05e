// SPDX-License-Identifier: MIT
#include "core/utf8.hpp"

#include <algorithm>
#include <cstdint>

namespace bansuri {
namespace {

struct Range {
    std::uint32_t first;
    std::uint32_t last;
};

// The blocks that matter in names and descriptions, of Unicode's EastAsianWidth.txt and its general
// categories Mn, Me and Cf. wcwidth(3) would ask for a locale, which a program of this kind has
// not.
constexpr Range combining[] = {{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd},
                               {0x0610, 0x061a}, {0x064b, 0x065f}, {0x200b, 0x200f},
                               {0x2060, 0x2064}, {0x20d0, 0x20f0}, {0xfe00, 0xfe0f},
                               {0xfe20, 0xfe2f}, {0xfeff, 0xfeff}};
constexpr Range wide[] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},
                          {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},
                          {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x1f300, 0x1f64f},
                          {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

template <std::size_t N>
bool within(const Range (&ranges)[N], std::uint32_t code) {
    return std::any_of(std::begin(ranges), std::end(ranges), [code](const Range& range) {
        return code >= range.first && code <= range.last;
    });
}

std::uint32_t code_point(std::string_view sequence) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
    if (sequence.size() == 1) return byte(0);
    std::uint32_t code = byte(0) & (0x7fU >> sequence.size());
    for (std::size_t i = 1; i < sequence.size(); ++i) code = code << 6 | (byte(i) & 0x3fU);
    return code;
}

/// The first character of a text that is not empty.
struct Character {
    std::size_t bytes;
    std::size_t columns;
};

Character first_of(std::string_view text) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return {1, 1};
    const std::uint32_t code = code_point(text.substr(0, length));
    if (code < 0x300) return {length, 1};
    if (within(combining, code)) return {length, 0};
    return {length, within(wide, code) ? std::size_t{2} : std::size_t{1}};
}

}  // namespace

std::size_t utf8_length(std::string_view bytes) {
    if (bytes.empty()) return 0;
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

bool is_utf8(std::string_view bytes) {
    while (!bytes.empty()) {
        const std::size_t length = utf8_length(bytes);
        if (length == 0) return false;
        bytes.remove_prefix(length);
    }
    return true;
}

std::size_t plain_prefix(std::string_view text) {
    const auto end =
        std::find_if(text.begin(), text.end(), [](char c) { return c < 0x20 || c > 0x7e; });
    return static_cast<std::size_t>(end - text.begin());
}

std::size_t columns_of(std::string_view text) {
    std::size_t columns = plain_prefix(text);
    text.remove_prefix(columns);
    while (!text.empty()) {
        const Character character = first_of(text);
        columns += character.columns;
        text.remove_prefix(character.bytes);
    }
    return columns;
}

std::string_view cut_to_columns(std::string_view text, std::size_t columns) {
    std::string_view rest = text;
    while (!rest.empty()) {
        const Character character = first_of(rest);
        if (character.columns > columns) break;
        columns -= character.columns;
        rest.remove_prefix(character.bytes);
    }
    return text.substr(0, text.size() - rest.size());
}

}  // namespace bansuri
