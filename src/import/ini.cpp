// SPDX-License-Identifier: MIT
#include "import/ini.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "import/draft.hpp"

namespace bansuri::imports {
namespace {

constexpr std::string_view spaces = " \t\r\v\f";
constexpr std::size_t most_problems = 100;

std::string_view trim(std::string_view text) {
    const auto first = text.find_first_not_of(spaces);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

/// Where a comment begins: at the first character of the line, or behind a blank.
std::optional<std::size_t> comment_in(std::string_view line) {
    for (std::size_t at = 0; (at = line.find_first_of(";#", at)) != std::string_view::npos; ++at) {
        if (at == 0 || spaces.find(line[at - 1]) != std::string_view::npos) return at;
    }
    return std::nullopt;
}

std::string lowered(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return lower;
}

}  // namespace

const IniSection* Ini::find(std::string_view name) const {
    const auto found = index_.find(name);
    return found == index_.end() ? nullptr : &sections_[found->second];
}

bool Ini::read(std::string_view text, std::string_view here) {
    if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    std::map<std::string, std::string>* options = nullptr;
    std::string* value = nullptr;  // of the option that a deeper line goes on with
    std::size_t depth = 0;         // of the line that began it
    std::size_t number = 0;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view whole = text.substr(at, end - at);
        at = end + 1;
        ++number;
        const auto comment = comment_in(whole);
        const std::string_view line = trim(whole.substr(0, comment.value_or(whole.size())));
        if (line.empty()) {
            // An empty line belongs to a value, a comment does not; at its end it is cut again.
            if (!comment && value != nullptr) *value += '\n';
            continue;
        }
        const std::size_t indent = whole.find_first_not_of(spaces);
        if (value != nullptr && indent > depth) {
            (*value += '\n') += line;
            continue;
        }
        depth = indent;
        value = nullptr;
        if (const auto close = line.rfind(']');
            line[0] == '[' && close > 1 && close != std::string_view::npos) {
            const std::string_view name = line.substr(1, line.find(']') - 1);
            if (name == "DEFAULT") {
                options = &defaults_;
                continue;
            }
            const auto [place, fresh] = index_.try_emplace(std::string(name), sections_.size());
            if (fresh) sections_.push_back({std::string(name), std::string(here), {}});
            options = &sections_[place->second].options;
            continue;
        }
        if (options == nullptr) return false;
        const auto delimiter = line.find_first_of("=:");
        if (delimiter == std::string_view::npos || delimiter == 0) {
            if (problems_.size() < most_problems) {
                problems_.push_back(
                    fmt::format("Line {}: {}: neither a section nor an option; supervisord refuses "
                                "such a file.",
                                number, shown(line)));
            }
            continue;
        }
        std::string& stored = (*options)[lowered(trim(line.substr(0, delimiter)))];
        stored = trim(line.substr(delimiter + 1));
        value = &stored;
    }
    // Empty lines behind a value are no part of it.
    const auto cut = [](std::map<std::string, std::string>& all) {
        for (auto& [key, text_of_key] : all) {
            text_of_key.erase(text_of_key.find_last_not_of(" \t\r\v\f\n") + 1);
        }
    };
    for (IniSection& section : sections_) cut(section.options);
    cut(defaults_);
    return true;
}

}  // namespace bansuri::imports
