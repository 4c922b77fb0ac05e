// SPDX-License-Identifier: MIT
//
// The rule in the last line of a zone's file.
#include "core/posix_rule.hpp"

#include <date/date.h>

#include <algorithm>
#include <array>

namespace bansuri {

namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Change = PosixRule::Change;

/// Takes the parts of a rule off its front. A part that is missing or wrong makes it fail for good.
class Reader {
  public:
    explicit Reader(std::string_view text) : rest_(text) {}

    bool failed() const { return failed_; }
    bool done() const { return rest_.empty(); }
    bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
    bool take(char c) {
        if (!at(c)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    void expect(char c) {
        if (!take(c)) failed_ = true;
    }

    /// "CET" or "<+0330>"; what it says is of no interest.
    void name() {
        const bool in_brackets = take('<');
        std::size_t length = 0;
        while (length < rest_.size() && (in_brackets ? rest_[length] != '>' : is_letter(length))) {
            ++length;
        }
        if (length < 3) failed_ = true;
        rest_.remove_prefix(length);
        if (in_brackets) expect('>');
    }
    unsigned number(unsigned least, unsigned most) {
        unsigned value = 0;
        std::size_t digits = 0;
        for (; digits < 3 && digits < rest_.size() && is_digit(digits); ++digits) {
            value = value * 10 + static_cast<unsigned>(rest_[digits] - '0');
        }
        rest_.remove_prefix(digits);
        if (digits == 0 || value < least || value > most) failed_ = true;
        return value;
    }
    /// "2", "-1", "50", "2:45:00".
    seconds time(unsigned most_hours) {
        const bool negative = take('-');
        if (!negative) take('+');
        seconds value = hours(number(0, most_hours));
        if (take(':')) value += minutes(number(0, 59));
        if (take(':')) value += seconds(number(0, 59));
        return negative ? -value : value;
    }
    Change change() {
        Change change;
        if (take('M')) {
            change.month = number(1, 12);
            expect('.');
            change.week = number(1, 5);
            expect('.');
            change.weekday = number(0, 6);
        } else if (take('J')) {
            change.kind = Change::Kind::day_without_29_february;
            change.day = number(1, 365);
        } else {
            change.kind = Change::Kind::day_of_year;
            change.day = number(0, 365);
        }
        if (take('/')) change.time = time(167);
        return change;
    }

  private:
    bool is_digit(std::size_t i) const { return rest_[i] >= '0' && rest_[i] <= '9'; }
    bool is_letter(std::size_t i) const {
        return (rest_[i] >= 'a' && rest_[i] <= 'z') || (rest_[i] >= 'A' && rest_[i] <= 'Z');
    }
    std::string_view rest_;
    bool failed_ = false;
};

}  // namespace

UtcSeconds Change::in(int year_number) const {
    const date::year year{year_number};
    date::sys_days day_of_change = year / date::January / 1;
    switch (kind) {
        case Kind::weekday_of_month: {
            const date::weekday day_of_week{weekday};
            const auto in_month = year / date::month{month};
            day_of_change = week == 5 ? date::sys_days{in_month / day_of_week[date::last]}
                                      : date::sys_days{in_month / day_of_week[week]};
            break;
        }
        case Kind::day_without_29_february:
            day_of_change += date::days(day - 1 + (year.is_leap() && day > 59 ? 1 : 0));
            break;
        case Kind::day_of_year: day_of_change += date::days(day); break;
    }
    return day_of_change + time;
}

std::optional<PosixRule> PosixRule::parse(std::string_view text) {
    Reader reader(text);
    PosixRule rule;
    reader.name();
    rule.standard_ = -reader.time(24);  // POSIX counts west of Greenwich as positive
    rule.summer_ = rule.standard_ + hours(1);
    if (!reader.done()) {
        reader.name();
        if (!reader.at(',')) rule.summer_ = -reader.time(24);
        rule.changes_ = true;
        reader.expect(',');
        rule.to_summer_ = reader.change();
        reader.expect(',');
        rule.to_standard_ = reader.change();
    }
    if (reader.failed() || !reader.done()) return std::nullopt;
    return rule;
}

TimeZone::Span PosixRule::span_at(UtcSeconds instant) const {
    constexpr UtcSeconds last_year = date::sys_days{date::year{32'000} / date::January / 1};
    TimeZone::Span span{UtcSeconds::min(), UtcSeconds::max(), standard_};
    if (!changes_ || instant >= last_year || instant < UtcSeconds{} - (last_year - UtcSeconds{})) {
        return span;
    }
    // Both changes of the years around: a change early on 1 January local time is still, or
    // already, in the neighbouring year of UTC.
    struct Turn {
        UtcSeconds when{};
        bool summer = false;
        bool operator<(const Turn& other) const {
            // At equal times summer wins: it is how "all year summer" is written.
            return when != other.when ? when < other.when : summer < other.summer;
        }
    };
    const int year =
        static_cast<int>(date::year_month_day{date::floor<date::days>(instant + standard_)}.year());
    std::array<Turn, 6> turns;
    auto* next = turns.data();
    for (int y = year - 1; y <= year + 1; ++y) {
        *next++ = {to_summer_.in(y)-standard_, true};
        *next++ = {to_standard_.in(y)-summer_, false};
    }
    std::sort(turns.begin(), turns.end());
    for (const Turn& turn : turns) {
        if (turn.when > instant) {
            span.end = turn.when;
            break;
        }
        span.begin = turn.when;
        span.offset = turn.summer ? summer_ : standard_;
    }
    return span;
}

}  // namespace bansuri
