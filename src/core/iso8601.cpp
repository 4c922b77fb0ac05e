// SPDX-License-Identifier: MIT
//
// Instants as text.
#include "core/iso8601.hpp"

#include <date/date.h>
#include <fmt/format.h>

#include <optional>

#include "core/quote.hpp"

namespace bansuri {

namespace {

using date::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

void append_two_digits(std::string& text, unsigned number) {
    text += static_cast<char>('0' + number / 10);
    text += static_cast<char>('0' + number % 10);
}

/// "2026-03-29T03:30:00" of a local time written as if it were UTC. By hand: a list of ten thousand
/// tasks has thirty thousand times in it.
std::string format_civil(UtcSeconds local) {
    const auto day = date::floor<days>(local);
    const date::year_month_day date{day};
    const auto second = static_cast<unsigned>((local - day).count());
    std::string text = fmt::format_int(static_cast<int>(date.year())).str();
    if (text.size() < 4) text = fmt::format("{:04}", static_cast<int>(date.year()));
    text += '-';
    append_two_digits(text, static_cast<unsigned>(date.month()));
    text += '-';
    append_two_digits(text, static_cast<unsigned>(date.day()));
    text += 'T';
    append_two_digits(text, second / 3600);
    text += ':';
    append_two_digits(text, second / 60 % 60);
    text += ':';
    append_two_digits(text, second % 60);
    return text;
}

std::string format_offset(seconds offset) {
    const date::hh_mm_ss<seconds> time{offset};
    const char* sign = time.is_negative() ? "-" : "+";
    std::string text =
        fmt::format("{}{:02}:{:02}", sign, time.hours().count(), time.minutes().count());
    // Local mean time, before a place had a zone, has seconds.
    if (time.seconds() != seconds(0)) text += fmt::format(":{:02}", time.seconds().count());
    return text;
}

/// Takes the parts of a text off its front.
class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool done() const { return rest_.empty(); }
    bool at_digit() const { return !rest_.empty() && is_digit(rest_.front()); }
    bool take(std::string_view any_of) {
        if (rest_.empty() || any_of.find(rest_.front()) == std::string_view::npos) return false;
        taken_ = rest_.front();
        rest_.remove_prefix(1);
        return true;
    }
    char taken() const { return taken_; }
    /// Exactly `digits` of them, up to `most`.
    std::optional<int> number(std::size_t digits, int most) {
        if (rest_.size() < digits) return std::nullopt;
        int value = 0;
        for (std::size_t i = 0; i < digits; ++i) {
            if (!is_digit(rest_[i])) return std::nullopt;
            value = value * 10 + (rest_[i] - '0');
        }
        rest_.remove_prefix(digits);
        return value <= most ? std::optional(value) : std::nullopt;
    }
    /// The digits after a decimal point; those beyond the microsecond are dropped.
    microseconds fraction() {
        microseconds value{0};
        for (microseconds place{100'000}; at_digit(); rest_.remove_prefix(1), place /= 10) {
            value += place * (rest_.front() - '0');
        }
        return value;
    }

  private:
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }
    std::string_view rest_;
    char taken_ = '\0';
};

struct Parsed {
    UtcSeconds local;
    microseconds fraction{0};
    std::optional<seconds> offset;
};

std::optional<UtcSeconds> read_date(Reader& reader) {
    const auto year = reader.number(4, 9999);
    if (!year || !reader.take("-")) return std::nullopt;
    const auto month = reader.number(2, 12);
    if (!month || !reader.take("-")) return std::nullopt;
    const auto day = reader.number(2, 31);
    if (!day) return std::nullopt;
    const date::year_month_day date{date::year{*year}, date::month{static_cast<unsigned>(*month)},
                                    date::day{static_cast<unsigned>(*day)}};
    if (!date.ok()) return std::nullopt;
    return date::sys_days{date};
}

/// "+02:00", "+0200", "+02", "-00:25:21", "Z".
std::optional<seconds> read_offset(Reader& reader) {
    if (reader.take("Zz")) return seconds(0);
    if (!reader.take("+-")) return std::nullopt;
    const bool negative = reader.taken() == '-';
    const auto hour = reader.number(2, 23);
    if (!hour) return std::nullopt;
    seconds offset = hours(*hour);
    if (reader.take(":") || reader.at_digit()) {
        const auto minute = reader.number(2, 59);
        if (!minute) return std::nullopt;
        offset += minutes(*minute);
        if (reader.take(":")) {
            const auto second = reader.number(2, 59);
            if (!second) return std::nullopt;
            offset += seconds(*second);
        }
    }
    return negative ? -offset : offset;
}

std::optional<Parsed> read_instant(Reader& reader) {
    const auto date = read_date(reader);
    if (!date) return std::nullopt;
    Parsed parsed;
    parsed.local = *date;
    if (reader.done()) return parsed;

    if (!reader.take("Tt ")) return std::nullopt;
    const auto hour = reader.number(2, 23);
    if (!hour || !reader.take(":")) return std::nullopt;
    const auto minute = reader.number(2, 59);
    if (!minute) return std::nullopt;
    parsed.local += hours(*hour) + minutes(*minute);
    if (reader.take(":")) {
        const auto second = reader.number(2, 59);
        if (!second) return std::nullopt;
        parsed.local += seconds(*second);
        if (reader.take(".,")) {
            if (!reader.at_digit()) return std::nullopt;
            parsed.fraction = reader.fraction();
        }
    }
    if (reader.done()) return parsed;
    parsed.offset = read_offset(reader);
    if (!parsed.offset || !reader.done()) return std::nullopt;
    return parsed;
}

}  // namespace

std::string format_local(WallTime instant, const TimeZone& zone) {
    const auto second = date::floor<seconds>(instant);
    const seconds offset = zone.span_at(second).offset;
    return format_civil(second + offset) + format_offset(offset);
}

std::string format_utc(WallTime instant) {
    const auto second = date::floor<seconds>(instant);
    const auto milliseconds = date::floor<std::chrono::milliseconds>(instant - second).count();
    std::string text = format_civil(second);
    if (milliseconds != 0) text += fmt::format(".{:03}", milliseconds);
    return text + "Z";
}

Result<WallTime> parse_iso8601(std::string_view text, const TimeZone& zone) {
    Reader reader(text);
    const auto parsed = read_instant(reader);
    if (!parsed) {
        return fail(ErrorCode::usage,
                    fmt::format("{} is not a time; write 2026-03-29T03:30:00+02:00, "
                                "2026-03-29T01:30:00Z, or local time as 2026-03-29T03:30",
                                quote(text)));
    }
    if (parsed->offset) return parsed->local - *parsed->offset + parsed->fraction;
    const UtcSeconds instant = zone.first_reading(parsed->local);
    // A time in a gap has become the first instant after it, to which no fraction belongs.
    const bool in_gap = instant + zone.span_at(instant).offset != parsed->local;
    return in_gap ? WallTime(instant) : instant + parsed->fraction;
}

}  // namespace bansuri
