// SPDX-License-Identifier: MIT
#include "engine/attempt_label.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

namespace bansuri::engine {
namespace {

constexpr std::string_view version = "1 ";

/// Takes a number and the blank after it off the front.
std::optional<std::int64_t> take_number(std::string_view& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end == text.data() + text.size() || *end != ' ') {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
    return number;
}

}  // namespace

std::string encode(const AttemptLabel& label) {
    return fmt::format("{}{} {} {} {} {} {} {}", version,
                       label.due.instant.time_since_epoch().count(), label.due.tick ? 1 : 0,
                       label.due.tick.value_or(MonoTime()).time_since_epoch().count(),
                       static_cast<int>(label.origin), label.at.time_since_epoch().count(),
                       label.begun.time_since_epoch().count(), label.task);
}

std::optional<AttemptLabel> parse_label(std::string_view text) {
    if (!text.starts_with(version)) return std::nullopt;
    text.remove_prefix(version.size());
    const auto instant = take_number(text);
    const auto has_tick = take_number(text);
    const auto tick = take_number(text);
    const auto origin = take_number(text);
    const auto at = take_number(text);
    const auto begun = take_number(text);
    if (!instant || !has_tick || !tick || !origin || !at || !begun || text.empty()) {
        return std::nullopt;
    }
    if (*origin < 0 || *origin > static_cast<int>(RunOrigin::manual)) return std::nullopt;
    AttemptLabel label;
    label.task = text;
    label.due.instant = WallTime(Duration(*instant));
    if (*has_tick != 0) label.due.tick = MonoTime(Duration(*tick));
    label.origin = static_cast<RunOrigin>(*origin);
    label.at = WallTime(Duration(*at));
    label.begun = MonoTime(Duration(*begun));
    return label;
}

}  // namespace bansuri::engine
