// SPDX-License-Identifier: MIT
//
// Times and spans for people, short, in their zone; and what the API answers as it is.
#pragma once

#include <string>
#include <string_view>

#include "cli/api_client.hpp"
#include "cli/surroundings.hpp"
#include "cli/table.hpp"
#include "core/time.hpp"
#include "core/time_zone.hpp"

namespace bansuri::cli {

/// "02:00" of this day, "02:00:05" if the seconds matter, else "2026-03-28 02:00".
std::string shown_time(WallTime time, WallTime now, const TimeZone& zone);
/// The two largest units: "3d4h", "5m12s", "850ms", "0s".
std::string shown_span(Duration span);

/// Of a state or an outcome.
Colour colour_of(std::string_view word);

/// In lines that are indented by two, or with `indent` -1 in one line.
void print_json(const Json& document, const Surroundings& around, int indent = 2);

}  // namespace bansuri::cli
