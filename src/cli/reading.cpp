// SPDX-License-Identifier: MIT
#include "cli/reading.hpp"

#include "core/iso8601.hpp"

namespace bansuri::cli {

const Json& member(const Json& object, const char* name) {
    static const Json nothing;
    if (!object.is_object()) return nothing;
    const auto found = object.find(name);
    return found == object.end() ? nothing : *found;
}

std::string text_of(const Json& object, const char* name) {
    const Json& value = member(object, name);
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::uint64_t number_of(const Json& object, const char* name) {
    const Json& value = member(object, name);
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

bool is_set(const Json& object, const char* name) {
    const Json& value = member(object, name);
    return value.is_boolean() && value.get<bool>();
}

const Json& list_of(const Json& object, const char* name) {
    static const Json empty = Json::array();
    const Json& value = member(object, name);
    return value.is_array() ? value : empty;
}

std::optional<WallTime> time_of(const Json& object, const char* name) {
    const Json& value = member(object, name);
    if (!value.is_string()) return std::nullopt;
    const auto time = parse_iso8601(value.get_ref<const std::string&>(), TimeZone());
    return time ? std::optional(*time) : std::nullopt;
}

TimeZone zone_of(const Json& object, const Surroundings& around) {
    const std::string name = text_of(object, "timezone");
    if (name.empty()) return around.zone;
    return TimeZone::find(name).value_or(around.zone);
}

}  // namespace bansuri::cli
