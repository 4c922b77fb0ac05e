// SPDX-License-Identifier: MIT
//
// Every key of the configuration, once: its name, what its value must be, where it may stand, what
// it means and how it is stored. The parser, the JSON Schema and the reference of the
// documentation are all made from this table, so they cannot disagree.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/task_draft.hpp"
#include "core/config/text_rule.hpp"
#include "core/config/value_tree.hpp"
#include "core/configuration.hpp"
#include "core/time.hpp"

namespace bansuri::config {

enum class ValueKind : std::uint8_t {
    text,  ///< a string that keeps ValueSpec::rule
    boolean,
    integer,       ///< minimum..maximum
    number,        ///< minimum..maximum
    duration,      ///< at least `minimum` microseconds
    size,          ///< minimum..maximum bytes
    choice,        ///< one of `choices`
    text_list,     ///< strings that each keep `rule`
    text_or_list,  ///< one such string, or a list of them
    integer_list,  ///< of minimum..maximum, not empty
    text_map,      ///< an object of strings; its keys keep `rule`
    object,        ///< an object with `members`
    free_object,   ///< any object
    tasks,         ///< the list of tasks
    defaults,      ///< an object with the keys of a task that may be defaults
};

enum class Availability : std::uint8_t { now, not_yet };

struct Choice {
    std::string_view word;
    std::string_view doc;
    Availability availability = Availability::now;
};

struct KeyRow;

struct ValueSpec {
    ValueKind kind = ValueKind::text;
    const TextRule* rule = nullptr;
    double minimum = 0;
    double maximum = std::numeric_limits<double>::infinity();
    std::span<const Choice> choices = {};
    std::span<const KeyRow> members = {};
};

/// A value that its ValueSpec accepts; which members are set depends on the kind.
struct TypedValue {
    explicit TypedValue(const Value& source) : value(source) {}
    Value value;
    bool flag = false;
    std::int64_t integer = 0;
    double number = 0;
    Duration span{};
    std::uint64_t size = 0;
    std::string_view text;
    std::size_t choice = 0;  ///< index in ValueSpec::choices
};

/// What the root of the file says beside its tasks.
struct RootDraft {
    std::string notify_command;
    std::string zone;
    std::vector<std::string> secrets;
    Retention retention;
    Durability durability = Durability::normal;
    bool alerts = false;
};

enum class Place : std::uint8_t {
    root,          ///< at the root of the file
    task,          ///< in a task only
    task_default,  ///< in a task and in `defaults`
    member,        ///< in the object of another key
};

struct KeyRow {
    std::string_view name = {};
    Key key = {};  ///< of a task's key
    Place place = Place::task_default;
    ValueSpec spec = {};
    std::string_view fallback = {};  ///< the default, for people; empty: none
    std::string_view example = {};   ///< a valid value, as JSON
    std::string_view doc = {};       ///< one sentence, or two
    Availability availability = Availability::now;
    bool required = false;
    void (*store)(TaskDraft& draft, const TypedValue& value) = nullptr;
    void (*store_root)(RootDraft& draft, const TypedValue& value) = nullptr;
};

std::span<const KeyRow> root_keys();
/// In the order of enum Key.
std::span<const KeyRow> task_keys();

/// The row of that name; nullptr if there is none.
const KeyRow* find_row(std::span<const KeyRow> rows, std::string_view name);

/// What the kind is called in messages and in the reference: "a duration", "a list of strings".
std::string describe(const ValueSpec& spec);

}  // namespace bansuri::config
