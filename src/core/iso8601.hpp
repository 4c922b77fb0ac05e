// SPDX-License-Identifier: MIT
//
// Instants as text: ISO 8601 / RFC 3339, in and out.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"
#include "core/time_zone.hpp"

namespace bansuri {

/// "2026-03-29T03:30:00+02:00"; UTC as "+00:00". Fractions of a second are dropped.
std::string format_local(WallTime instant, const TimeZone& zone);
/// "2026-03-29T01:30:00Z", with milliseconds when they are not zero. What is stored and served.
std::string format_utc(WallTime instant);
/// Takes "2026-03-29T03:30:00+02:00", "...Z", "2026-03-29T03:30", "2026-03-29 03:30:00" and
/// "2026-03-29"; without an offset the time is local to `zone` (in a gap: the instant after it;
/// in an overlap: the first). The error (usage) quotes the text and shows the form.
Result<WallTime> parse_iso8601(std::string_view text, const TimeZone& zone);

}  // namespace bansuri
