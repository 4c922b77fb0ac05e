// SPDX-License-Identifier: MIT
//
// Short ways to write instants and zones in tests of time.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "core/iso8601.hpp"
#include "core/time_zone.hpp"

namespace bansuri::test {

inline TimeZone zone(std::string_view name) {
    const auto found = TimeZone::find(name);
    if (!found) throw std::invalid_argument(found.error().message);
    return *found;
}

/// "2025-03-01T02:00" in UTC, or with the offset that the text names.
inline UtcSeconds utc(std::string_view text) {
    const auto parsed = parse_iso8601(text, TimeZone());
    if (!parsed) throw std::invalid_argument(parsed.error().message);
    return std::chrono::floor<std::chrono::seconds>(*parsed);
}

}  // namespace bansuri::test
