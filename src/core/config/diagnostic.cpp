// SPDX-License-Identifier: MIT
#include "core/config/diagnostic.hpp"

#include <fmt/format.h>

#include <iterator>

namespace bansuri {
namespace {

std::size_t sequence_length(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead < 0xE0) return 2;
    if (lead >= 0xE0 && lead < 0xF0) return 3;
    if (lead >= 0xF0 && lead < 0xF5) return 4;
    return 0;  // not the lead of a sequence
}

/// The code point of a sequence of `length` bytes, or -1 if its other bytes are not what they
/// must be.
std::int32_t decode(std::string_view sequence) {
    const auto lead = static_cast<unsigned char>(sequence[0]);
    if (sequence.size() == 1) return lead;
    std::int32_t code = lead & (0x7F >> sequence.size());
    for (const char c : sequence.substr(1)) {
        if ((static_cast<unsigned char>(c) & 0xC0) != 0x80) return -1;
        code = code << 6 | (c & 0x3F);
    }
    return code;
}

bool reorders_text(std::int32_t code) {
    return code == 0x061C || (code >= 0x200E && code <= 0x200F) ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) ||
           code == 0xFEFF;
}

}  // namespace

std::string printable(std::string_view text, std::size_t limit) {
    std::string shown;
    const auto out = std::back_inserter(shown);
    std::size_t count = 0;
    for (std::size_t at = 0; at < text.size(); ++count) {
        if (count == limit) return shown + "...";
        const auto byte = static_cast<unsigned char>(text[at]);
        const std::size_t length = sequence_length(byte);
        const std::int32_t code =
            length == 0 || at + length > text.size() ? -1 : decode(text.substr(at, length));
        if (code < 0) {
            fmt::format_to(out, "\\x{:02x}", byte);
            ++at;
            continue;
        }
        if (code == '\n') {
            shown += "\\n";
        } else if (code == '\t') {
            shown += "\\t";
        } else if (code < 0x20 || (code >= 0x7F && code < 0xA0) || reorders_text(code)) {
            fmt::format_to(out, "\\u{:04x}", code);
        } else {
            shown += text.substr(at, length);
        }
        at += length;
    }
    return shown;
}

std::string render(const Diagnostic& diagnostic, std::string_view origin) {
    std::string line;
    const auto out = std::back_inserter(line);
    fmt::format_to(out, "{}:{}:{}: {}: ", origin, diagnostic.line, diagnostic.column,
                   to_string(diagnostic.severity));
    if (!diagnostic.task.empty()) {
        fmt::format_to(out, "task \"{}\": ", diagnostic.task);
    } else if (diagnostic.task_number > 0) {
        fmt::format_to(out, "task number {}: ", diagnostic.task_number);
    }
    if (!diagnostic.key.empty()) fmt::format_to(out, "key \"{}\": ", diagnostic.key);
    if (!diagnostic.value.empty()) fmt::format_to(out, "value {}: ", diagnostic.value);
    line += diagnostic.reason;
    if (!diagnostic.remedy.empty()) fmt::format_to(out, "; {}", diagnostic.remedy);
    return line;
}

}  // namespace bansuri
