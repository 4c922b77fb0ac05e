// SPDX-License-Identifier: MIT
#include "import/shell_words.hpp"

#include <algorithm>
#include <utility>

namespace bansuri::imports {
namespace {

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("%+,-./:@_=").find(c) != std::string_view::npos;
}

}  // namespace

std::string shell_word(std::string_view word) {
    if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) {
        return std::string(word);
    }
    std::string quoted = "'";
    for (const char c : word) {
        if (c == '\'') {
            quoted += "'\\''";
        } else {
            quoted += c;
        }
    }
    return quoted += '\'';
}

std::optional<std::vector<std::string>> split_words(std::string_view text) {
    std::vector<std::string> words;
    std::optional<std::string> word;  // "" is a word, nothing is none
    char quote = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote == 0 && std::string_view(" \t\r\n").find(c) != std::string_view::npos) {
            if (word) words.push_back(*std::exchange(word, std::nullopt));
            continue;
        }
        if (!word) word.emplace();
        if (quote != 0 && c == quote) {
            quote = 0;
        } else if (quote == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == '\\' && quote != '\'') {
            if (++i == text.size()) return std::nullopt;
            if (quote == '"' && text[i] != '"' && text[i] != '\\') *word += '\\';
            *word += text[i];
        } else {
            *word += c;
        }
    }
    if (quote != 0) return std::nullopt;
    if (word) words.push_back(*std::move(word));
    return words;
}

}  // namespace bansuri::imports
