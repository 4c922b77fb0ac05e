// SPDX-License-Identifier: MIT
//
// From the text of a cron expression to its sets. What each form means is in docs/scheduling.md.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/cron_fields.hpp"
#include "core/quote.hpp"

namespace bansuri {

namespace {

// The longest list of all 60 minutes and seconds takes a third of it.
constexpr std::size_t longest_expression = 1024;
constexpr std::string_view blanks = " \t\r\n\f\v";
constexpr unsigned sunday_at_the_end = 7;

enum class FieldId { second, minute, hour, day, month, weekday };

struct FieldRule {
    FieldId id;
    std::string_view name;
    unsigned least;
    unsigned most;       ///< also where "n/step" ends
    unsigned star_most;  ///< where "*" ends; differs only for weekdays, whose 7 is 0 again
    std::string_view values;
    std::string_view example;
    const char* const* names;  ///< full English names, from `least` on
};

constexpr const char* month_names[] = {"january",   "february", "march",    "april",
                                       "may",       "june",     "july",     "august",
                                       "september", "october",  "november", "december"};
constexpr const char* weekday_names[] = {"sunday",   "monday", "tuesday", "wednesday",
                                         "thursday", "friday", "saturday"};

constexpr FieldRule field_rules[] = {
    {FieldId::second, "second", 0, 59, 59, "0-59", "0, */10 or 15,45", nullptr},
    {FieldId::minute, "minute", 0, 59, 59, "0-59", "30, */5 or 0,15-20", nullptr},
    {FieldId::hour, "hour", 0, 23, 23, "0-23", "2, */6 or 22-2", nullptr},
    {FieldId::day, "day", 1, 31, 31, "1-31 or L", "1, 1-7, */2 or L", nullptr},
    {FieldId::month, "month", 1, 12, 12, "1-12 or JAN-DEC", "6, */3 or NOV-FEB", month_names},
    {FieldId::weekday, "weekday", 0, 7, 6, "0-7 or SUN-SAT", "MON-FRI, 0, 5L or MON#2",
     weekday_names},
};

struct Macro {
    std::string_view name;
    std::string_view fields;
};

constexpr Macro macros[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_star(char c) { return c == '*' || c == '?'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::string lowered(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), lower);
    return result;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto end = text.find_first_of(separators);
        parts.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

/// Decimal digits and nothing else; numbers too large for any use become one that is too large.
std::optional<unsigned> number_in(std::string_view token) {
    if (token.empty() || !std::all_of(token.begin(), token.end(), is_digit)) return std::nullopt;
    unsigned value = 0;
    for (const char c : token) {
        value = std::min(1'000'000u, value * 10 + static_cast<unsigned>(c - '0'));
    }
    return value;
}

/// One field while it is read: its rule, and the expression for the messages.
class FieldParser {
  public:
    FieldParser(const FieldRule& rule, std::string_view expression, CronFields& fields)
        : rule_(rule), expression_(expression), fields_(fields) {}

    /// Reads the whole field into the sets.
    Result<void> read(std::string_view field) {
        for (const std::string_view element : split(field, ",")) {
            if (element.empty()) return wrong(field, "an element of the list is empty");
            if (auto read = read_element(element); !read) return read;
        }
        store(is_star(field.front()));
        return {};
    }

  private:
    tl::unexpected<Error> wrong(std::string_view token, std::string_view reason) const {
        return fail(ErrorCode::config_invalid,
                    fmt::format("cron expression {}: {} field: {}: {}; allowed are {}, for example "
                                "{}",
                                quote(expression_), rule_.name, quote(token), reason, rule_.values,
                                rule_.example));
    }

    Result<void> read_element(std::string_view element) {
        if (rule_.id == FieldId::day && lowered(element) == "l") {
            fields_.last_day = true;
            return {};
        }
        if (rule_.id == FieldId::weekday) {
            if (const auto hash = element.find('#'); hash != std::string_view::npos) {
                return read_nth_weekday(element, hash);
            }
            if (element.size() > 1 && lower(element.back()) == 'l') {
                return read_last_weekday(element);
            }
        }
        return read_range(element);
    }

    /// "MON#2": the second Monday.
    Result<void> read_nth_weekday(std::string_view element, std::size_t hash) {
        const auto weekday = read_value(element.substr(0, hash), element);
        if (!weekday) return tl::unexpected(weekday.error());
        const auto count = number_in(element.substr(hash + 1));
        if (!count || *count < 1 || *count > 5) {
            return wrong(element, "after # stands which one of the month, 1-5");
        }
        auto& set = fields_.nth_weekdays[*count - 1];
        set = static_cast<std::uint8_t>(set | 1u << *weekday % 7);
        return {};
    }

    /// "5L": the last Friday.
    Result<void> read_last_weekday(std::string_view element) {
        const auto weekday = read_value(element.substr(0, element.size() - 1), element);
        if (!weekday) return tl::unexpected(weekday.error());
        fields_.last_weekdays =
            static_cast<std::uint8_t>(fields_.last_weekdays | 1u << *weekday % 7);
        return {};
    }

    /// "*", "5", "10-50", each with "/step" or without.
    Result<void> read_range(std::string_view element) {
        const auto slash = element.find('/');
        const std::string_view range = element.substr(0, slash);
        unsigned step = 1;
        if (slash != std::string_view::npos) {
            const auto number = number_in(element.substr(slash + 1));
            if (!number || *number == 0) {
                return wrong(element, "after / stands a step of 1 or more");
            }
            step = *number;
        }
        if (range.size() == 1 && is_star(range.front())) {
            add(rule_.least, rule_.star_most, step);
            return {};
        }
        const auto dash = range.find('-');
        const auto first = read_value(range.substr(0, dash), element);
        if (!first) return tl::unexpected(first.error());
        if (dash == std::string_view::npos) {
            add(*first, slash == std::string_view::npos ? *first : rule_.most, step);
            return {};
        }
        const auto last = read_value(range.substr(dash + 1), element);
        if (!last) return tl::unexpected(last.error());
        add(*first, *last, step);
        return {};
    }

    Result<unsigned> read_value(std::string_view token, std::string_view element) const {
        if (const auto number = number_in(token)) {
            if (*number >= rule_.least && *number <= rule_.most) return *number;
            return wrong(element, fmt::format("{} is out of range", quote(token)));
        }
        if (token.empty()) return wrong(element, "a value is missing");
        if (rule_.names != nullptr) {
            const std::string name = lowered(token);
            for (unsigned i = 0; i <= rule_.star_most - rule_.least; ++i) {
                const std::string_view full = rule_.names[i];
                if (name == full || name == full.substr(0, 3)) return rule_.least + i;
            }
        }
        return wrong(element, reason_against(token));
    }

    std::string reason_against(std::string_view token) const {
        const std::string text = lowered(token);
        if (text.starts_with('l') && rule_.id == FieldId::weekday) {
            return "the last day of the month is L in the day field; the last Friday is 5L";
        }
        if (text.starts_with('l') || text.ends_with('w')) {
            return "L-3, 15W and LW are not supported";
        }
        if (text == "h" || text.starts_with("h(") || text.find('~') != std::string::npos) {
            return "random times (H, ~) are not supported; use the key \"jitter\"";
        }
        return fmt::format("{} is not a value", quote(token));
    }

    /// From first to last, round the end of the field if last comes before first ("22-2").
    void add(unsigned first, unsigned last, unsigned step) {
        if (last < first && first == sunday_at_the_end && rule_.id == FieldId::weekday) first = 0;
        const unsigned period = rule_.star_most - rule_.least + 1;
        const unsigned end = last < first ? last + period : last;
        for (unsigned value = first; value <= end; value += step) {
            const bool wrapped = last < first && value > rule_.star_most;
            bits_ |= std::uint64_t{1} << (wrapped ? value - period : value);
        }
    }

    void store(bool star) {
        switch (rule_.id) {
            case FieldId::second: fields_.seconds = bits_; break;
            case FieldId::minute:
                fields_.minutes = bits_;
                fields_.fixed_time = !star;
                break;
            case FieldId::hour:
                fields_.hours = static_cast<std::uint32_t>(bits_);
                fields_.fixed_time = fields_.fixed_time && !star;
                break;
            case FieldId::day:
                fields_.days = static_cast<std::uint32_t>(bits_);
                fields_.day_is_star = star;
                break;
            case FieldId::month: fields_.months = static_cast<std::uint16_t>(bits_); break;
            case FieldId::weekday:
                fields_.weekdays = static_cast<std::uint8_t>((bits_ | bits_ >> 7) & 0x7f);
                fields_.weekday_is_star = star;
                break;
        }
    }

    const FieldRule& rule_;
    std::string_view expression_;
    CronFields& fields_;
    std::uint64_t bits_ = 0;
};

tl::unexpected<Error> not_an_expression(std::string_view text, std::string_view reason) {
    return fail(ErrorCode::config_invalid,
                fmt::format("cron expression {}: {}", quote(text), reason));
}

tl::unexpected<Error> not_a_macro(std::string_view text, std::string_view macro) {
    if (macro.starts_with("@reboot")) {
        return not_an_expression(text,
                                 "this is no time of the clock: a task with \"schedule-cron\": "
                                 "\"@reboot\", or without a schedule, runs once at start-up");
    }
    if (macro.starts_with("@every")) {
        return not_an_expression(
            text, "intervals are not cron expressions; write \"timer\": \"5m\" instead");
    }
    return not_an_expression(text,
                             "unknown macro; write @hourly, @daily, @midnight, @weekly, @monthly, "
                             "@yearly or @annually alone, or five fields such as \"0 2 * * *\"");
}

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

}  // namespace

Result<CronFields> parse_cron_fields(std::string_view text) {
    if (text.size() > longest_expression) {
        return not_an_expression(
            text, fmt::format("it is longer than {} characters", longest_expression));
    }
    const auto strange = std::find_if(text.begin(), text.end(), [](char c) {
        return blanks.find(c) == std::string_view::npos && (c < '!' || c > '~');
    });
    if (strange != text.end()) {
        return not_an_expression(
            text, fmt::format("character {} is not printable ASCII", strange - text.begin() + 1));
    }
    std::string_view expression = trimmed(text);
    if (expression.starts_with('@')) {
        const std::string name = lowered(expression);
        const auto* macro = std::find_if(std::begin(macros), std::end(macros),
                                         [&](const Macro& m) { return m.name == name; });
        if (macro == std::end(macros)) return not_a_macro(text, name);
        expression = macro->fields;
    }
    std::vector<std::string_view> parts = split(expression, blanks);
    parts.erase(std::remove(parts.begin(), parts.end(), std::string_view()), parts.end());
    if (!parts.empty() && (parts[0].starts_with("TZ=") || parts[0].starts_with("CRON_TZ="))) {
        return not_an_expression(
            text, "the zone does not stand in the expression; use the key \"timezone\"");
    }
    if (parts.size() != 5 && parts.size() != 6) {
        return not_an_expression(
            text, fmt::format("it has {} fields; write five, \"minute hour day month weekday\", "
                              "such as \"0 2 * * *\", or six, with the second first",
                              parts.size()));
    }
    CronFields fields;
    fields.seconds = 1;  // second 0, unless a field says otherwise
    const FieldRule* rule = std::begin(field_rules) + (parts.size() == 6 ? 0 : 1);
    for (const std::string_view part : parts) {
        if (auto read = FieldParser(*rule, text, fields).read(part); !read) {
            return tl::unexpected(read.error());
        }
        ++rule;
    }
    return fields;
}

}  // namespace bansuri
