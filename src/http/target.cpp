// SPDX-License-Identifier: MIT
#include "http/target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "core/quote.hpp"

namespace bansuri::http {
namespace {

std::optional<std::string> decode(std::string_view text, bool plus_is_blank) {
    const auto digit = [](char c) -> int {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus_is_blank) {
            decoded += ' ';
        } else if (text[i] != '%') {
            decoded += text[i];
        } else {
            const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? digit(text[i + 2]) : -1;
            if (high < 0 || low < 0) return std::nullopt;
            decoded += static_cast<char>(high * 16 + low);
            i += 2;
        }
    }
    return decoded;
}

/// Takes what stands before the next `separator`, and the separator.
std::string_view take_part(std::string_view& rest, char separator) {
    const std::size_t end = std::min(rest.find(separator), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return part;
}

}  // namespace

bool Query::has(std::string_view name) const {
    return std::any_of(items_.begin(), items_.end(),
                       [name](const auto& item) { return item.first == name; });
}

std::vector<std::string> Query::all(std::string_view name) const {
    std::vector<std::string> values;
    for (const auto& [key, value] : items_) {
        if (key == name) values.push_back(value);
    }
    return values;
}

Result<std::optional<std::string>> Query::text(std::string_view name) const {
    std::vector<std::string> values = all(name);
    if (values.empty()) return std::nullopt;
    if (values.size() == 1) return std::move(values.front());
    return fail(ErrorCode::usage, fmt::format("the parameter \"{}\" stands more than once", name));
}

Result<std::optional<std::uint64_t>> Query::number(std::string_view name, std::uint64_t least,
                                                   std::uint64_t most) const {
    const auto value = text(name);
    if (!value) return tl::unexpected(value.error());
    if (!*value) return std::nullopt;
    const auto parsed = parse_number(**value);
    if (parsed && *parsed >= least && *parsed <= most) return *parsed;
    return fail(ErrorCode::usage,
                fmt::format("the parameter \"{}\" is {}; write a whole number from {} to {}", name,
                            quote(**value), least, most));
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

Result<Target> Target::parse(std::string_view text) {
    const auto wrong = [text] {
        return fail(ErrorCode::usage,
                    fmt::format("the target {} is not a path with well-formed %XX", quote(text)));
    };
    text = text.substr(0, text.find('#'));
    std::string_view rest = text;
    std::string_view path = take_part(rest, '?');
    if (!path.starts_with('/')) return wrong();
    path.remove_prefix(1);
    Target target;
    while (!path.empty()) {
        const bool ends_with_slash = path.find('/') == path.size() - 1;
        auto segment = decode(take_part(path, '/'), false);
        if (!segment) return wrong();
        target.path.push_back(std::move(*segment));
        if (ends_with_slash) target.path.emplace_back();  // "/a/" is not "/a"
    }
    while (!rest.empty()) {
        std::string_view item = take_part(rest, '&');
        if (item.empty()) continue;
        auto name = decode(take_part(item, '='), true);
        auto value = decode(item, true);
        if (!name || !value) return wrong();
        target.query.add(std::move(*name), std::move(*value));
    }
    return target;
}

}  // namespace bansuri::http
