// SPDX-License-Identifier: MIT
//
// Taking what the API answers apart, without trusting that it is complete: another version of the
// daemon may leave a member out.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "cli/api_client.hpp"
#include "cli/surroundings.hpp"

namespace bansuri::cli {

/// The member `name`; null if there is none.
const Json& member(const Json& object, const char* name);
/// Empty if it is none.
std::string text_of(const Json& object, const char* name);
/// 0 if it is none.
std::uint64_t number_of(const Json& object, const char* name);
bool is_set(const Json& object, const char* name);
/// Empty if it is none.
const Json& list_of(const Json& object, const char* name);
std::optional<WallTime> time_of(const Json& object, const char* name);
/// In which to show the times of a task: its "timezone", if this machine knows it.
TimeZone zone_of(const Json& object, const Surroundings& around);

}  // namespace bansuri::cli
