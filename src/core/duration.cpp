// SPDX-License-Identifier: MIT
//
// Spans of time as people write them.
#include "core/duration.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <optional>

#include "core/quote.hpp"

namespace bansuri {

namespace {

struct Unit {
    std::string_view name;
    std::int64_t microseconds;
};

// From large to small: the order in which the parts of a duration stand.
constexpr Unit units[] = {
    {"d", 86'400'000'000}, {"h", 3'600'000'000}, {"m", 60'000'000}, {"s", 1'000'000}, {"ms", 1'000},
};
constexpr std::size_t second_unit = 3;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

tl::unexpected<Error> not_a_duration(std::string_view text, std::string_view reason) {
    return fail(
        ErrorCode::config_invalid,
        fmt::format("{} is not a duration: {}; write 30s, 5m or 1h30m", quote(text), reason));
}

void skip_blanks(std::string_view& rest) {
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
}

/// A decimal number as written; read in integers, so that 0.1 stays 0.1.
struct Decimal {
    std::int64_t whole = 0;
    std::int64_t millionths = 0;

    /// Nothing if the result is longer than any duration may be.
    std::optional<std::int64_t> times(std::int64_t microseconds) const {
        if (whole > longest_duration.count() / microseconds) return std::nullopt;
        return whole * microseconds + millionths * microseconds / 1'000'000;
    }
};

/// Takes "12" or "12.5" off the front; nothing if there is no number.
std::optional<Decimal> take_decimal(std::string_view& rest) {
    if (rest.empty() || !is_digit(rest.front())) return std::nullopt;
    Decimal number;
    for (; !rest.empty() && is_digit(rest.front()); rest.remove_prefix(1)) {
        // Past the longest duration more digits change nothing: times() refuses the number.
        if (number.whole <= longest_duration.count()) {
            number.whole = number.whole * 10 + (rest.front() - '0');
        }
    }
    if (rest.size() < 2 || rest[0] != '.' || !is_digit(rest[1])) return number;
    rest.remove_prefix(1);
    for (std::int64_t place = 100'000; !rest.empty() && is_digit(rest.front());
         rest.remove_prefix(1), place /= 10) {
        number.millionths += place * (rest.front() - '0');
    }
    return number;
}

std::string_view take_word(std::string_view& rest) {
    std::size_t length = 0;
    while (length < rest.size() && !is_digit(rest[length]) && !is_blank(rest[length])) ++length;
    const std::string_view word = rest.substr(0, length);
    rest.remove_prefix(length);
    return word;
}

std::optional<std::size_t> unit_named(std::string_view name) {
    for (std::size_t i = 0; i < std::size(units); ++i) {
        if (units[i].name == name) return i;
    }
    return std::nullopt;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
    std::string_view rest = text;
    while (!rest.empty() && is_blank(rest.back())) rest.remove_suffix(1);
    skip_blanks(rest);
    if (rest.empty()) return not_a_duration(text, "it is empty");

    std::int64_t total = 0;
    for (std::size_t smallest_so_far = 0, parts = 0; !rest.empty(); ++parts) {
        if (rest.front() == '-') return not_a_duration(text, "it is negative");
        const auto number = take_decimal(rest);
        if (!number) {
            return not_a_duration(text, fmt::format("{} is not a number", quote(rest)));
        }
        skip_blanks(rest);
        std::size_t unit = second_unit;
        const std::string_view name = take_word(rest);
        if (const auto known = unit_named(name)) {
            unit = *known;
        } else if (!name.empty()) {
            return not_a_duration(text, fmt::format("unknown unit {}", quote(name)));
        } else if (parts > 0 || !rest.empty()) {
            return not_a_duration(text, "a number has no unit");
        }
        if (parts > 0 && unit < smallest_so_far) {
            return not_a_duration(
                text, "units stand from large to small (d h m s ms), and each stands once");
        }
        smallest_so_far = unit + 1;
        const auto part = number->times(units[unit].microseconds);
        if (!part || *part > longest_duration.count() - total) {
            return not_a_duration(text, "it is longer than 100 years");
        }
        total += *part;
        skip_blanks(rest);
    }
    return Duration(total);
}

Result<Duration> duration_from_seconds(double seconds) {
    const auto refuse = [seconds](const char* reason) {
        return fail(ErrorCode::config_invalid,
                    fmt::format("{} is not a duration: {}; write a number of seconds such as 30",
                                seconds, reason));
    };
    if (!std::isfinite(seconds)) return refuse("it is not a finite number");
    if (seconds < 0) return refuse("it is negative");
    if (seconds > std::chrono::duration<double>(longest_duration).count()) {
        return refuse("it is longer than 100 years");
    }
    return Duration(std::llround(seconds * 1e6));
}

std::string format_duration(Duration duration) {
    if (duration < Duration::zero()) {
        // The lowest value has no positive twin; nobody can tell it from its neighbour.
        return fmt::format(
            "-{}", format_duration(duration == Duration::min() ? Duration::max() : -duration));
    }
    std::int64_t left = duration.count();
    std::string result;
    for (const Unit& unit : units) {
        const std::int64_t whole = left / unit.microseconds;
        const bool fraction_follows = unit.name == "ms" && left % unit.microseconds != 0;
        if (fraction_follows) {
            std::string decimal = fmt::format("{}.{:03}", whole, left % unit.microseconds);
            decimal.erase(decimal.find_last_not_of('0') + 1);
            return result + decimal + "ms";
        }
        if (whole > 0) result += fmt::format("{}{}", whole, unit.name);
        left -= whole * unit.microseconds;
    }
    return result.empty() ? "0s" : result;
}

}  // namespace bansuri
