// SPDX-License-Identifier: MIT
#include "import/crontab_times.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace bansuri::imports {
namespace {

constexpr std::size_t most_chosen = 20;  // each of them is told of

struct Field {
    std::string_view name;
    unsigned least;
    unsigned most;
    std::string_view names;  // of three letters each, from `first_name` on
    unsigned first_name;
};

constexpr std::array<Field, 5> rules = {
    {{"minute", 0, 59, "", 0},
     {"hour", 0, 23, "", 0},
     {"day", 1, 31, "", 0},
     {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec", 1},
     {"weekday", 0, 7, "sunmontuewedthufrisat", 0}}};

std::optional<unsigned> value_of(std::string_view token, const Field& rule) {
    unsigned value = 0;
    const auto* const end = token.data() + token.size();
    if (const auto read = std::from_chars(token.data(), end, value);
        read.ec == std::errc() && read.ptr == end) {
        if (value < rule.least || value > rule.most) return std::nullopt;
        return value;
    }
    std::string name(token);
    std::transform(name.begin(), name.end(), name.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    });
    if (name.size() != 3) return std::nullopt;
    const auto at = rule.names.find(name);
    if (at == std::string_view::npos || at % 3 != 0) return std::nullopt;
    return rule.first_name + static_cast<unsigned>(at / 3);
}

/// FNV-1a: any function would do that spreads well and is the same everywhere and for ever.
std::uint32_t hash(std::string_view text) {
    std::uint32_t value = 2'166'136'261U;
    for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 16'777'619U;
    return value;
}

class FieldReader {
  public:
    FieldReader(const Field& rule, std::string_view seed, Notes& notes)
        : rule_(rule), seed_(seed), notes_(notes) {}

    Result<std::string> read(std::string_view field) const {
        std::string taken;
        for (std::size_t at = 0; at <= field.size();) {
            const std::size_t comma = std::min(field.find(',', at), field.size());
            auto element = read_element(field.substr(at, comma - at));
            if (!element) return element;
            if (!taken.empty()) taken += ',';
            taken += *element;
            at = comma + 1;
        }
        return taken;
    }

  private:
    tl::unexpected<Error> refuse(std::string_view element, std::string_view why) const {
        return fail(ErrorCode::config_invalid,
                    fmt::format("{} field: \"{}\": {}", rule_.name, shown(element, 40), why));
    }

    Result<std::string> read_element(std::string_view element) const {
        if (element.find('~') != std::string_view::npos) return pick(element);
        const auto slash = element.find('/');
        const std::string_view range = element.substr(0, slash);
        if (slash != std::string_view::npos) {
            const auto step = element.substr(slash + 1);
            unsigned value = 0;
            const auto read = std::from_chars(step.data(), step.data() + step.size(), value);
            if (read.ec != std::errc() || read.ptr != step.data() + step.size() || value == 0) {
                return refuse(element, "behind the slash stands a number of 1 or more");
            }
        }
        if (range == "*") return std::string(element);
        const auto dash = range.find('-');
        const auto first = value_of(range.substr(0, dash), rule_);
        if (!first) return wrong_value(element);
        if (dash == std::string_view::npos) {
            if (slash == std::string_view::npos) return std::string(element);
            return refuse(element, "cron takes a step only behind a range or a star");
        }
        const auto last = value_of(range.substr(dash + 1), rule_);
        if (!last) return wrong_value(element);
        // cronie takes a Sunday at the end of a range for a 7: "fri-sun".
        const bool to_sunday = rule_.most == 7 && *last == 0;
        if (*first > *last && !to_sunday) {
            return refuse(element, "cron knows no range that begins behind its end");
        }
        return std::string(element);
    }

    tl::unexpected<Error> wrong_value(std::string_view element) const {
        return refuse(element,
                      fmt::format("cron takes {} to {}{} here", rule_.least, rule_.most,
                                  rule_.names.empty() ? "" : ", or names of three letters,"));
    }

    /// cronie chooses such a value each time it reads the table.
    Result<std::string> pick(std::string_view element) const {
        const auto tilde = element.find('~');
        const std::string_view low = element.substr(0, tilde);
        const std::string_view high = element.substr(tilde + 1);
        const auto least = low.empty() ? rule_.least : value_of(low, rule_);
        const auto most = high.empty() ? rule_.most : value_of(high, rule_);
        if (!least || !most || *least > *most) {
            return refuse(element, "a random value is written as in \"6~15\"");
        }
        if (notes_.size() >= most_chosen)
            return refuse(element, "there are too many random values");
        const std::uint32_t chance = hash(fmt::format("{}{}", rule_.name, seed_));
        const unsigned chosen = *least + chance % (*most - *least + 1);
        notes_.push_back(fmt::format(
            "The {} was \"{}\": cronie chose one of them anew each time it read the table. Here it "
            "is {} for good, chosen by the text of the line; take another as you like.",
            rule_.name, element, chosen));
        return std::to_string(chosen);
    }

    const Field& rule_;
    std::string_view seed_;
    Notes& notes_;
};

}  // namespace

Result<std::string> read_cron_times(const std::vector<std::string_view>& fields,
                                    std::string_view seed, Notes& notes) {
    std::string expression;
    for (std::size_t i = 0; i < rules.size(); ++i) {
        auto field = FieldReader(rules[i], seed, notes).read(fields[i]);
        if (!field) return field;
        if (i > 0) expression += ' ';
        expression += *field;
    }
    return expression;
}

}  // namespace bansuri::imports
