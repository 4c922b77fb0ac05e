// SPDX-License-Identifier: MIT
#include "core/base64.hpp"

#include <cstdint>

namespace bansuri {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(std::string_view bytes) {
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            const std::uint32_t byte =
                i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0;
            group = group << 8 | byte;
        }
        for (std::size_t j = 0; j < 4; ++j) {
            const bool padding = i + j > bytes.size();
            text += padding ? '=' : alphabet[group >> (18 - 6 * j) & 63];
        }
    }
    return text;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        const std::string_view four = text.substr(i, 4);
        std::size_t digits = four.find('=');
        if (digits == std::string_view::npos) digits = 4;
        const bool is_last = i + 4 == text.size();
        if (digits < 2 || (digits < 4 && !is_last) || (digits == 2 && four[3] != '=')) {
            return std::nullopt;
        }
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            const std::size_t value = j < digits ? alphabet.find(four[j]) : 0;
            if (value == std::string_view::npos) return std::nullopt;
            group = group << 6 | static_cast<std::uint32_t>(value);
        }
        // What does not fill a byte is zero, so that each value has one spelling.
        if (digits < 4 && (group & (digits == 2 ? 0xffffU : 0xffU)) != 0) return std::nullopt;
        for (std::size_t j = 0; j + 1 < digits; ++j) {
            bytes += static_cast<char>(group >> (16 - 8 * j) & 0xff);
        }
    }
    return bytes;
}

}  // namespace bansuri
