// SPDX-License-Identifier: MIT
#include "core/config/schema.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/config/key_table.hpp"
#include "core/config/text_fault.hpp"
#include "core/duration.hpp"

namespace bansuri {
namespace {

using namespace config;
using Json = nlohmann::ordered_json;

Json number(double value) {
    return std::trunc(value) == value && std::abs(value) < 1e15
               ? Json(static_cast<std::int64_t>(value))
               : Json(value);
}

Json text_schema(const TextRule& rule) {
    Json schema{{"type", "string"}};
    if (!rule.pattern.empty()) schema["pattern"] = rule.pattern;
    if (rule.longest > 0) schema["maxLength"] = rule.longest;
    return schema;
}

Json range_schema(std::string_view type, const ValueSpec& spec) {
    Json schema{{"type", type}, {"minimum", number(spec.minimum)}};
    if (std::isfinite(spec.maximum)) schema["maximum"] = number(spec.maximum);
    return schema;
}

/// Core's parse_duration as a pattern: one number with or without a unit, or several parts from
/// large to small.
std::string duration_pattern() {
    constexpr std::string_view decimal = "[0-9]+(\\.[0-9]+)?";
    std::string parts;
    for (const std::string_view unit : {"d", "h", "m", "s", "ms"}) {
        parts += fmt::format("({}[ \\t]*{}[ \\t]*)?", decimal, unit);
    }
    return fmt::format("^[ \\t]*({}|(?=[0-9]){})[ \\t]*$", decimal, parts);
}

Json duration_schema(const ValueSpec& spec) {
    Json seconds{{"type", "number"}};
    seconds["minimum"] = number(spec.minimum / 1e6);
    seconds["maximum"] = std::chrono::duration_cast<std::chrono::seconds>(longest_duration).count();
    Json text{{"type", "string"}, {"pattern", duration_pattern()}};
    if (spec.minimum > 0) {
        // Some digit must not be zero.
        text["pattern"] = "(?=.*[1-9])" + duration_pattern();
    }
    return {{"oneOf", Json::array({std::move(seconds), std::move(text)})}};
}

Json size_schema(const ValueSpec& spec) {
    return {
        {"oneOf",
         Json::array(
             {range_schema("integer", spec),
              {{"type", "string"},
               {"pattern", "^[ \\t]*[0-9]+(\\.[0-9]+)?[ \\t]*([KkMmGgTt][Ii]?)?[Bb]?[ \\t]*$"}}})}};
}

std::string description_of(const KeyRow& row) {
    std::string text(row.doc);
    if (row.availability == Availability::not_yet) text = "Not available yet. " + text;
    for (const Choice& choice : row.spec.choices) {
        text += fmt::format("\n- {}: {}{}", choice.word, choice.doc,
                            choice.availability == Availability::now ? "" : " (not available yet)");
    }
    return text;
}

Json value_schema(const KeyRow& row);

Json members_schema(std::span<const KeyRow> rows) {
    Json members = Json::object();
    for (const KeyRow& row : rows) members[std::string(row.name)] = value_schema(row);
    return {
        {"type", "object"}, {"properties", std::move(members)}, {"additionalProperties", false}};
}

Json kind_schema(const ValueSpec& spec) {
    switch (spec.kind) {
        case ValueKind::text: return text_schema(*spec.rule);
        case ValueKind::boolean: return {{"type", "boolean"}};
        case ValueKind::integer: return range_schema("integer", spec);
        case ValueKind::number: return range_schema("number", spec);
        case ValueKind::duration: return duration_schema(spec);
        case ValueKind::size: return size_schema(spec);
        case ValueKind::choice: {
            Json words = Json::array();
            for (const Choice& choice : spec.choices) words.push_back(choice.word);
            return {{"enum", std::move(words)}};
        }
        case ValueKind::text_list: return {{"type", "array"}, {"items", text_schema(*spec.rule)}};
        case ValueKind::text_or_list: {
            Json list{{"type", "array"}, {"items", text_schema(*spec.rule)}};
            return {{"oneOf", Json::array({text_schema(*spec.rule), std::move(list)})}};
        }
        case ValueKind::integer_list:
            return {{"type", "array"}, {"items", range_schema("integer", spec)}, {"minItems", 1}};
        case ValueKind::text_map: {
            Json names{{"pattern", spec.rule->pattern}};
            return {{"type", "object"},
                    {"propertyNames", std::move(names)},
                    {"additionalProperties", text_schema(any_text)}};
        }
        case ValueKind::object: return members_schema(spec.members);
        case ValueKind::free_object: return {{"type", "object"}};
        case ValueKind::tasks:
            return {{"type", "array"},
                    {"items", {{"$ref", "#/$defs/task"}}},
                    {"maxItems", Limits::tasks}};
        case ValueKind::defaults: return {{"$ref", "#/$defs/defaults"}};
    }
    return Json::object();
}

Json value_schema(const KeyRow& row) {
    Json schema = kind_schema(row.spec);
    // The table's word for the default is for people ("no limit"), so it stands in the text.
    schema["description"] = description_of(row);
    if (!row.fallback.empty()) {
        schema["description"] = fmt::format("{}\nDefault: {}.", description_of(row), row.fallback);
    }
    schema["examples"] = Json::array({Json::parse(row.example)});
    return schema;
}

/// An object that must not hold both keys.
Json not_both(std::string_view a, std::string_view b) {
    return {{"not", {{"required", Json::array({a, b})}}}};
}

Json task_schema(bool is_default) {
    Json properties = Json::object();
    Json required = Json::array();
    for (const KeyRow& row : task_keys()) {
        if (is_default && row.place != Place::task_default) continue;
        properties[std::string(row.name)] = value_schema(row);
        if (row.required) required.push_back(row.name);
    }
    properties["stdout"]["not"] = {{"const", "combined"}};
    Json schema{{"type", "object"},
                {"properties", std::move(properties)},
                {"additionalProperties", false},
                {"allOf", Json::array({not_both("timer", "schedule-cron"),
                                       not_both("times", "max-attempts")})}};
    if (!is_default) {
        schema["required"] = std::move(required);
        schema["oneOf"] = Json::array(
            {{{"required", Json::array({"command"})}}, {{"required", Json::array({"task"})}}});
    }
    return schema;
}

}  // namespace

std::string json_schema() {
    Json schema{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                {"title", "Bansuri configuration"},
                {"description", "Tasks that Bansuri runs and watches: scripts.json."}};
    schema.update(members_schema(root_keys()));
    Json required = Json::array();
    for (const KeyRow& row : root_keys()) {
        if (row.required) required.push_back(row.name);
    }
    schema["required"] = std::move(required);
    schema["$defs"] = {{"task", task_schema(false)}, {"defaults", task_schema(true)}};
    return schema.dump(2) + "\n";
}

}  // namespace bansuri
