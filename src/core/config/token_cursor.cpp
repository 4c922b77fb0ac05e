// SPDX-License-Identifier: MIT
#include "core/config/token_cursor.hpp"

#include <algorithm>

namespace bansuri::config {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool ends_word(char c) {
    return is_blank(c) || c == ',' || c == ':' || c == '}' || c == ']' || c == '{' || c == '[' ||
           c == '"' || c == '/';
}

Offset end_of(std::string_view text, std::size_t found, std::size_t length) {
    return static_cast<Offset>(found == std::string_view::npos ? text.size() : found + length);
}

}  // namespace

Offset skip_blanks(std::string_view text, Offset at) {
    while (at < text.size()) {
        if (is_blank(text[at])) {
            ++at;
        } else if (text.substr(at, 2) == "//") {
            at = end_of(text, text.find('\n', at), 1);
        } else if (text.substr(at, 2) == "/*") {
            at = end_of(text, text.find("*/", at + 2), 2);
        } else {
            break;
        }
    }
    return at;
}

Offset skip_string(std::string_view text, Offset at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '"') return at + 1;
        if (text[at] == '\\') ++at;
    }
    return static_cast<Offset>(text.size());
}

Span TokenCursor::next() {
    at_ = skip_blanks(text_, at_);
    while (at_ < text_.size() && (text_[at_] == ',' || text_[at_] == ':')) {
        at_ = skip_blanks(text_, at_ + 1);
    }
    const Offset begin = at_;
    if (begin >= text_.size()) return {begin, begin};
    if (text_[begin] == '"') {
        at_ = skip_string(text_, begin);
    } else {
        ++at_;
        const char first = text_[begin];
        if (first != '{' && first != '}' && first != '[' && first != ']') {
            while (at_ < text_.size() && !ends_word(text_[at_])) ++at_;
        }
    }
    return {begin, at_};
}

}  // namespace bansuri::config
