// SPDX-License-Identifier: MIT
#include "core/config/key_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/duration.hpp"

namespace bansuri::config {
namespace {

/// Numbers as people write them: 3, 0.5.
std::string plain(double number) { return fmt::format("{}", number); }

std::string range(const ValueSpec& spec) {
    if (std::isinf(spec.maximum)) return fmt::format("of at least {}", plain(spec.minimum));
    return fmt::format("from {} to {}", plain(spec.minimum), plain(spec.maximum));
}

}  // namespace

const KeyRow* find_row(std::span<const KeyRow> rows, std::string_view name) {
    const auto found = std::find_if(rows.begin(), rows.end(),
                                    [name](const KeyRow& row) { return row.name == name; });
    return found == rows.end() ? nullptr : &*found;
}

std::string describe(const ValueSpec& spec) {
    switch (spec.kind) {
        case ValueKind::text: return "a string";
        case ValueKind::boolean: return "true or false";
        case ValueKind::integer: return "a whole number " + range(spec);
        case ValueKind::number: return "a number " + range(spec);
        case ValueKind::duration:
            if (spec.minimum <= 0) return "a duration";
            if (spec.minimum <= 1) return "a duration, not zero";
            return fmt::format("a duration of at least {}",
                               format_duration(Duration(static_cast<Duration::rep>(spec.minimum))));
        case ValueKind::size: return "a number of bytes";
        case ValueKind::choice: {
            std::string words;
            for (const Choice& choice : spec.choices) {
                if (!words.empty()) words += &choice == &spec.choices.back() ? " or " : ", ";
                words += fmt::format("\"{}\"", choice.word);
            }
            return words;
        }
        case ValueKind::text_list: return "a list of strings";
        case ValueKind::text_or_list: return "a string or a list of strings";
        case ValueKind::integer_list:
            return fmt::format("a list of whole numbers {}, not empty", range(spec));
        case ValueKind::text_map: return "an object of strings";
        case ValueKind::object: {
            std::string names;
            for (const KeyRow& row : spec.members) {
                names += fmt::format("{}\"{}\"", names.empty() ? "" : ", ", row.name);
            }
            return "an object with " + names;
        }
        case ValueKind::free_object: return "an object";
        case ValueKind::tasks: return "a list of tasks";
        case ValueKind::defaults: return "an object with keys of a task";
    }
    return "a value";
}

}  // namespace bansuri::config
