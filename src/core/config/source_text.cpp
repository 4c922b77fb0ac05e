// SPDX-License-Identifier: MIT
#include "core/config/source_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/config/diagnostic.hpp"

namespace bansuri::config {
namespace {

constexpr std::size_t stride = 16 * 1024;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

}  // namespace

std::string to_string(Position position) {
    return fmt::format("{}:{}", position.line, position.column);
}

SourceText::SourceText(std::string_view text)
    : text_(text),
      begin_(text.starts_with(byte_order_mark) ? static_cast<Offset>(byte_order_mark.size()) : 0) {}

Position SourceText::locate(Offset offset) const {
    const auto advance = [this](Mark mark, std::size_t from, std::size_t to) {
        for (std::size_t at = std::max<std::size_t>(from, begin_); at < to; ++at) {
            if (text_[at] == '\n') {
                ++mark.line;
                mark.column = 1;
            } else if (!continues_character(text_[at])) {
                ++mark.column;
            }
        }
        return mark;
    };
    if (marks_.empty()) {
        marks_.reserve(text_.size() / stride + 1);
        marks_.push_back({1, 1});
        for (std::size_t at = stride; at <= text_.size(); at += stride) {
            marks_.push_back(advance(marks_.back(), at - stride, at));
        }
    }
    const std::size_t end = std::min<std::size_t>(offset, text_.size());
    const std::size_t mark = end / stride;
    const Mark found = advance(marks_[mark], mark * stride, end);
    return {found.line, found.column};
}

std::string SourceText::excerpt(Span part) const {
    constexpr std::size_t enough = 1024;  // bytes; more than 80 characters with any escapes
    const std::string_view raw =
        text_.substr(part.begin, std::min<std::size_t>(part.end - part.begin, enough));
    if (raw.empty() || (raw.front() != '{' && raw.front() != '[')) return printable(raw);
    std::string joined;
    for (const char c : raw) {
        const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
        if (!blank) joined += c;
        if (blank && !joined.ends_with(' ')) joined += ' ';
    }
    return printable(joined);
}

}  // namespace bansuri::config
