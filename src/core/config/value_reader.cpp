// SPDX-License-Identifier: MIT
#include "core/config/value_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "core/duration.hpp"
#include "core/size.hpp"

namespace bansuri::config {
namespace {

/// One row's value on its way through the checks.
struct Reading {
    const KeyRow& row;
    ReadContext& context;

    bool refuse(const Value& value, Problem problem) const {
        context.sink.report(Severity::error, context.subject, value.place(), std::move(problem));
        return false;
    }
    std::string show_example() const { return fmt::format("write for example {}", row.example); }

    /// The value is of another kind than the row wants.
    bool refuse_kind(const Value& value, std::string_view wanted) const {
        std::string remedy = show_example();
        if (value.kind() == JsonKind::null) {
            remedy = "give it a value, or remove the key";
        } else if (value.kind() == JsonKind::string && wanted != "a string" &&
                   (row.spec.kind == ValueKind::boolean || row.spec.kind == ValueKind::integer ||
                    row.spec.kind == ValueKind::number ||
                    row.spec.kind == ValueKind::integer_list)) {
            remedy = "write it without quotes, " + remedy.substr(6);
        } else if ((value.kind() == JsonKind::number || value.kind() == JsonKind::boolean) &&
                   wanted == "a string") {
            remedy = "put it in quotes";
        }
        return refuse(value, {fmt::format("it must be {}", wanted), std::move(remedy)});
    }

    bool text(const Value& value) const {
        if (value.kind() != JsonKind::string) return refuse_kind(value, "a string");
        auto problem = row.spec.rule->check(value.text(), context.cache);
        return !problem || refuse(value, std::move(*problem));
    }

    bool in_range(const Value& value) const {
        const double number = value.number();
        return number >= row.spec.minimum && number <= row.spec.maximum;
    }
    bool integer(const Value& value, TypedValue& typed, std::string_view wanted) const {
        if (value.kind() != JsonKind::number) return refuse_kind(value, wanted);
        const auto whole = value.integer();
        if (!whole || !in_range(value)) return refuse_kind(value, wanted);
        typed.integer = *whole;
        return true;
    }
    bool number(const Value& value, TypedValue& typed) const {
        if (value.kind() != JsonKind::number || !in_range(value)) {
            return refuse_kind(value, describe(row.spec));
        }
        typed.number = value.number();
        return true;
    }

    bool duration(const Value& value, TypedValue& typed) const {
        if (value.kind() != JsonKind::number && value.kind() != JsonKind::string) {
            return refuse_kind(value, describe(row.spec));
        }
        const bool quoted = value.kind() == JsonKind::string;
        const auto span =
            quoted ? parse_duration(value.text()) : duration_from_seconds(value.number());
        if (!span) {
            const std::string& message = span.error().message;
            if (quoted) return refuse(value, problem_of(message, value.text()));
            // "-5 is not a duration: ...": the number is shown already.
            const auto verb = std::min(message.find(" is "), message.size());
            return refuse(value, problem_of(fmt::format("it{}", message.substr(verb)), {}));
        }
        if (static_cast<double>(span->count()) < row.spec.minimum) {
            return refuse(value, {*span == Duration::zero()
                                      ? "it must not be zero"
                                      : fmt::format("it must be {}", describe(row.spec)),
                                  show_example()});
        }
        typed.span = *span;
        return true;
    }

    bool size(const Value& value, TypedValue& typed) const {
        if (value.kind() == JsonKind::string) {
            const auto bytes = parse_size(value.text());
            if (!bytes) return refuse(value, problem_of(bytes.error().message, value.text()));
            typed.size = *bytes;
        } else {
            const auto bytes =
                value.kind() == JsonKind::number ? value.integer() : std::optional<std::int64_t>();
            if (!bytes || *bytes < 0) return refuse_kind(value, describe(row.spec));
            typed.size = static_cast<std::uint64_t>(*bytes);
        }
        const auto bytes = static_cast<double>(typed.size);
        if (bytes >= row.spec.minimum && bytes <= row.spec.maximum) return true;
        return refuse(value, {bytes < row.spec.minimum ? "it is too small" : "it is too large",
                              show_example()});
    }

    bool choice(const Value& value, TypedValue& typed) const {
        const auto found =
            std::find_if(row.spec.choices.begin(), row.spec.choices.end(), [&](const Choice& c) {
                return value.kind() == JsonKind::string && c.word == value.text();
            });
        if (found == row.spec.choices.end()) {
            return refuse(value, {value.kind() == JsonKind::string ? "it is none of the known words"
                                                                   : "it must be a string",
                                  "write " + describe(row.spec)});
        }
        typed.choice = static_cast<std::size_t>(found - row.spec.choices.begin());
        return true;
    }

    bool texts(const Value& value) const {
        if (value.kind() != JsonKind::list) return refuse_kind(value, describe(row.spec));
        bool good = true;
        for (const Value element : value) good = text(element) && good;
        return good;
    }

    bool integers(const Value& value, TypedValue& typed) const {
        if (value.kind() != JsonKind::list) return refuse_kind(value, describe(row.spec));
        if (value.begin() == value.end()) {
            return refuse(value, {"the list must not be empty", show_example()});
        }
        const std::string wanted =
            fmt::format("a whole number from {} to {}", row.spec.minimum, row.spec.maximum);
        bool good = true;
        for (const Value element : value) good = integer(element, typed, wanted) && good;
        return good;
    }

    bool text_map(const Value& value) const {
        if (value.kind() != JsonKind::object) return refuse_kind(value, describe(row.spec));
        bool good = true;
        for (const Value member : value) {
            auto problem = row.spec.rule->check(member.key(), context.cache);
            if (problem) {
                context.sink.report_at(Severity::error, context.subject, member.key_place().begin,
                                       std::move(*problem));
                good = false;
                continue;
            }
            const std::string key = fmt::format("{}.{}", context.subject.key, member.key());
            const std::string_view outer = std::exchange(context.subject.key, key);
            good = map_value(member) && good;
            context.subject.key = outer;
        }
        return good;
    }
    bool map_value(const Value& member) const {
        if (member.kind() != JsonKind::string) return refuse_kind(member, "a string");
        auto problem = any_text.check(member.text(), context.cache);
        if (!problem && member.key().size() + 1 + member.text().size() > longest_argument) {
            problem = Problem{fmt::format("the variable has more than the {} bytes that the kernel "
                                          "takes",
                                          longest_argument),
                              "put the text in a file, and its name in the variable"};
        }
        return !problem || refuse(member, std::move(*problem));
    }

    bool object(const Value& value) const {
        return value.kind() == JsonKind::object || refuse_kind(value, describe(row.spec));
    }

    bool any(const Value& value, TypedValue& typed) const {
        switch (row.spec.kind) {
            case ValueKind::text: typed.text = value.text(); return text(value);
            case ValueKind::boolean:
                if (value.kind() != JsonKind::boolean) return refuse_kind(value, "true or false");
                typed.flag = value.boolean();
                return true;
            case ValueKind::integer: return integer(value, typed, describe(row.spec));
            case ValueKind::number: return number(value, typed);
            case ValueKind::duration: return duration(value, typed);
            case ValueKind::size: return size(value, typed);
            case ValueKind::choice: return choice(value, typed);
            case ValueKind::text_list: return texts(value);
            case ValueKind::text_or_list:
                return value.kind() == JsonKind::string ? text(value) : texts(value);
            case ValueKind::integer_list: return integers(value, typed);
            case ValueKind::text_map: return text_map(value);
            case ValueKind::object:
            case ValueKind::free_object:
            case ValueKind::defaults: return object(value);
            case ValueKind::tasks:
                return value.kind() == JsonKind::list || refuse_kind(value, describe(row.spec));
        }
        return false;
    }
};

void store(const KeyRow& row, const TypedValue& typed, Draft draft) {
    if (row.store != nullptr && draft.task != nullptr) row.store(*draft.task, typed);
    if (row.store_root != nullptr && draft.root != nullptr) row.store_root(*draft.root, typed);
}

void read_members(const KeyRow& row, std::string_view key, const Value& value, Draft draft,
                  ReadContext& context) {
    for (const Value member : value) {
        const std::string path = fmt::format("{}.{}", key, member.key());
        if (const KeyRow* known = find_row(row.spec.members, member.key()); known != nullptr) {
            read_key(*known, path, member, draft, context);
        } else {
            context.subject.key = path;
            context.sink.report_at(Severity::error, context.subject, member.key_place().begin,
                                   unknown_key(member.key(), Home::member, row.spec.members));
        }
    }
    context.subject.key = key;
}

void report_unavailable(const KeyRow& row, const TypedValue& typed, ReadContext& context) {
    const bool key_missing = row.availability == Availability::not_yet;
    const bool choice_missing =
        row.spec.kind == ValueKind::choice &&
        row.spec.choices[typed.choice].availability == Availability::not_yet;
    if (!key_missing && !choice_missing) return;
    context.sink.report(Severity::error, context.subject, typed.value.place(),
                        {"not available yet",
                         key_missing ? "remove the key: this version of Bansuri would ignore it"
                                     : "choose another: this version of Bansuri cannot do it"},
                        ErrorCode::not_available);
}

}  // namespace

void read_key(const KeyRow& row, std::string_view key, const Value& value, Draft draft,
              ReadContext& context) {
    const std::string_view outer = std::exchange(context.subject.key, key);
    const std::size_t errors_before = context.sink.errors();
    TypedValue typed(value);
    if (Reading{row, context}.any(value, typed)) {
        store(row, typed, draft);
        if (row.spec.kind == ValueKind::object) read_members(row, key, value, draft, context);
        if (context.sink.errors() == errors_before) report_unavailable(row, typed, context);
    }
    context.subject.key = outer;
}

void report_duplicates(const Value& object, ReadContext& context) {
    std::vector<Value> members;
    for (const Value member : object) {
        if (member.kind() == JsonKind::object || member.kind() == JsonKind::list) {
            report_duplicates(member, context);
        }
        members.push_back(member);
    }
    if (object.kind() != JsonKind::object || members.size() < 2) return;
    std::stable_sort(members.begin(), members.end(),
                     [](const Value& a, const Value& b) { return a.key() < b.key(); });
    for (std::size_t i = 1; i < members.size(); ++i) {
        if (members[i].key() != members[i - 1].key()) continue;
        if (context.sink.only_counts(Severity::error)) continue;
        context.subject.key = members[i].key();
        const SourceText& source = context.sink.source();
        const Position first = source.locate(members[i - 1].key_place().begin);
        context.sink.report_at(
            Severity::error, context.subject, members[i].key_place().begin,
            {fmt::format("the key stands here twice; the other is at {}", to_string(first)),
             "keep one of them"});
    }
    context.subject.key = {};
}

}  // namespace bansuri::config
