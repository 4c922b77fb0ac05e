// SPDX-License-Identifier: MIT
//
// Numbers of bytes as people write them.
#include "core/size.hpp"

#include <fmt/format.h>

#include <optional>

#include "core/quote.hpp"

namespace bansuri {

namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

tl::unexpected<Error> not_a_size(std::string_view text, std::string_view reason) {
    return fail(ErrorCode::config_invalid,
                fmt::format("{} is not a size: {}; write 4096, 64KiB or 10M", quote(text), reason));
}

/// Bytes in one "k", "mi", "gib" ...; nothing if there is no such unit.
std::optional<std::uint64_t> bytes_in(std::string_view unit) {
    std::string name;
    for (const char c : unit) name += lower(c);
    if (!name.empty() && name.back() == 'b') name.pop_back();
    if (name.empty()) return 1;
    const auto power = std::string_view("kmgt").find(name.front());
    if (power == std::string_view::npos || name.size() > 2) return std::nullopt;
    if (name.size() == 2 && name.back() != 'i') return std::nullopt;
    std::uint64_t bytes = 1;
    for (std::size_t i = 0; i <= power; ++i) bytes *= name.size() == 2 ? 1024 : 1000;
    return bytes;
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text) {
    std::string_view rest = text;
    while (!rest.empty() && is_blank(rest.back())) rest.remove_suffix(1);
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
    if (rest.empty()) return not_a_size(text, "it is empty");
    if (rest.front() == '-') return not_a_size(text, "it is negative");
    if (!is_digit(rest.front())) return not_a_size(text, "it does not start with a number");

    // 128 bits hold any 64-bit count of any unit, with room to see that it is too large.
    __extension__ using Wide = unsigned __int128;
    constexpr Wide most = ~std::uint64_t{0};
    Wide whole = 0;
    for (; !rest.empty() && is_digit(rest.front()); rest.remove_prefix(1)) {
        if (whole <= most) whole = whole * 10 + static_cast<unsigned>(rest.front() - '0');
    }
    std::uint64_t fraction = 0;
    std::uint64_t fraction_of = 1;
    if (rest.size() >= 2 && rest[0] == '.' && is_digit(rest[1])) {
        rest.remove_prefix(1);
        for (; !rest.empty() && is_digit(rest.front()); rest.remove_prefix(1)) {
            if (fraction_of >= 1'000'000'000'000) continue;  // below one byte of the largest unit
            fraction = fraction * 10 + static_cast<unsigned>(rest.front() - '0');
            fraction_of *= 10;
        }
    }
    while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
    const auto unit = bytes_in(rest);
    if (!unit) return not_a_size(text, fmt::format("unknown unit {}", quote(rest)));
    const Wide bytes = whole * *unit + Wide{fraction} * *unit / fraction_of;
    if (whole > most || bytes > most) return not_a_size(text, "it is too large");
    return static_cast<std::uint64_t>(bytes);
}

std::string format_size(std::uint64_t bytes) {
    if (bytes < 1000) return fmt::format("{} B", bytes);
    std::uint64_t unit = 1000;
    std::size_t power = 0;
    constexpr std::string_view units = "kMGT";
    // 999 500 bytes would be written "1000 kB": the next unit begins where rounding reaches it.
    while (power + 1 < units.size() && bytes >= unit * 1000 - unit / 2) {
        unit *= 1000;
        ++power;
    }
    const double value = static_cast<double>(bytes) / static_cast<double>(unit);
    const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    std::string number = fmt::format("{:.{}f}", value, decimals);
    if (decimals > 0) {
        number.erase(number.find_last_not_of('0') + 1);
        if (number.back() == '.') number.pop_back();
    }
    return fmt::format("{} {}B", number, units[power]);
}

}  // namespace bansuri
