// SPDX-License-Identifier: MIT
#include "core/config/text_fault.hpp"

#include <fmt/format.h>

#include "core/config/token_cursor.hpp"

namespace bansuri::config {
namespace {

/// Bytes of the UTF-8 sequence at `at` (RFC 3629: no overlong form, no surrogate); 0: none.
std::size_t sequence_at(std::string_view text, std::size_t at) {
    const auto byte = [&](std::size_t n) {
        return at + n < text.size() ? static_cast<unsigned char>(text[at + n]) : 0U;
    };
    const auto follows = [&](std::size_t n) { return (byte(n) & 0xC0U) == 0x80U; };
    const unsigned lead = byte(0);
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead < 0xE0) return follows(1) ? 2 : 0;
    if (lead >= 0xE0 && lead < 0xF0) {
        const bool overlong = lead == 0xE0 && byte(1) < 0xA0;
        const bool surrogate = lead == 0xED && byte(1) > 0x9F;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    if (lead >= 0xF0 && lead < 0xF5) {
        const bool overlong = lead == 0xF0 && byte(1) < 0x90;
        const bool beyond = lead == 0xF4 && byte(1) > 0x8F;
        return follows(1) && follows(2) && follows(3) && !overlong && !beyond ? 4 : 0;
    }
    return 0;
}

/// The first byte of [begin, end) that is NUL or no UTF-8; `end` if all is text. Reads the
/// sequences of `text`, so one that `end` cuts is still seen whole.
std::size_t first_non_text(std::string_view text, std::size_t begin, std::size_t end) {
    std::size_t at = begin;
    while (at < end) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte > 0 && byte < 0x80) {
            ++at;
            continue;
        }
        const std::size_t length = byte == 0 ? 0 : sequence_at(text, at);
        if (length == 0) return at;
        at += length;
    }
    return end;
}

TextFault non_text(std::string_view text, std::size_t at) {
    const auto offset = static_cast<Offset>(at);
    if (text[at] == '\0') {
        return {offset,
                {"there is a NUL byte, so this is not a text file",
                 "check that it is the configuration file, and that it was written to its end"}};
    }
    return {offset,
            {fmt::format("the byte 0x{:02x} is not UTF-8", static_cast<unsigned char>(text[at])),
             "save the file as UTF-8"}};
}

}  // namespace

std::optional<TextFault> find_fault(const SourceText& source) {
    const std::string_view text = source.text();
    const std::size_t end = first_non_text(text, source.begin(), text.size());
    std::size_t depth = 0;
    Offset at = source.begin();
    while (at < end) {
        const Offset gap = at;
        at = skip_blanks(text, at);
        if (at - gap > Limits::gap) {
            return TextFault{
                gap,
                {fmt::format("more than {} MiB of blanks and comments follow", Limits::gap >> 20),
                 "shorten them"}};
        }
        if (at >= end) break;
        const Offset token = at;
        switch (text[at]) {
            case '"': at = skip_string(text, at); break;
            case '{':
            case '[':
                if (++depth > Limits::depth) {
                    return TextFault{
                        token,
                        {fmt::format("objects and lists lie deeper than {} within each other",
                                     Limits::depth),
                         "flatten them"}};
                }
                ++at;
                break;
            case '}':
            case ']':
                if (depth > 0) --depth;
                ++at;
                break;
            case ',':
            case ':': ++at; break;
            default:
                for (++at; at < end && text[at] != ',' && text[at] != '}' && text[at] != ']' &&
                           text[at] != '\n' && text[at] != '"' && text[at] != '/';) {
                    ++at;
                }
        }
        if (at - token > Limits::string && token + Limits::string < end) {
            return TextFault{token,
                             {fmt::format("a value is longer than {} MiB", Limits::string >> 20),
                              "close its quote, or put the text in a file of its own"}};
        }
    }
    if (end < text.size()) return non_text(text, end);
    return std::nullopt;
}

}  // namespace bansuri::config
