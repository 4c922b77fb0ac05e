// SPDX-License-Identifier: MIT
//
// Spans of time as people write them: "30", "0.5", "4m30s".
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"

namespace bansuri {

/// What no configured span may exceed. Sums of a few such spans and any instant cannot wrap.
inline constexpr Duration longest_duration = std::chrono::hours(24) * 36'525;  // 100 years

/// Takes a number of seconds ("30", "0.5"), or numbers with the units d, h, m, s and ms, from
/// large to small and each once ("4m30s", "1h 30m"). Digits beyond the microsecond are dropped.
/// The error (config_invalid) quotes the text and shows what would be right.
Result<Duration> parse_duration(std::string_view text);

/// The same for a JSON number; rounded to the microsecond.
Result<Duration> duration_from_seconds(double seconds);

/// "4m30s", "250ms", "0s", "1d2h". parse_duration() reads it back to the same value.
std::string format_duration(Duration duration);

}  // namespace bansuri
