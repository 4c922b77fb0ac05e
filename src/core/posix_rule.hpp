// SPDX-License-Identifier: MIT
//
// How a zone's offsets go on after the last transition that the compiled database lists: the rule
// in the last line of its file, such as "CET-1CEST,M3.5.0,M10.5.0/3". TimeZone is its one user.
// Written here because date/ptz.h refuses the negative and three-digit times of RFC 8536 that real
// zones use ("<-02>2<-01>,M3.5.0/-1,M10.5.0/0").
#pragma once

#include <optional>
#include <string_view>

#include "core/time_zone.hpp"

namespace bansuri {

/// A POSIX TZ rule as RFC 8536, section 3.3 extends it. Immutable, hence safe on any thread.
class PosixRule {
  public:
    /// Nothing if the text is not such a rule.
    static std::optional<PosixRule> parse(std::string_view text);

    /// The span around `instant`, as if the rule had held at all times; for years up to 32000.
    TimeZone::Span span_at(UtcSeconds instant) const;

    /// A day of each year, and a local time on it: "M3.5.0/2", "J60", "59/-1".
    struct Change {
        enum class Kind { weekday_of_month, day_without_29_february, day_of_year };
        Kind kind = Kind::weekday_of_month;
        unsigned month = 1;
        unsigned week = 1;     ///< 5: the last
        unsigned weekday = 0;  ///< 0 = Sunday
        unsigned day = 0;
        std::chrono::seconds time = std::chrono::hours(2);

        /// The local time of the change in a year, written as if it were UTC.
        UtcSeconds in(int year) const;
    };

  private:
    PosixRule() = default;
    std::chrono::seconds standard_{0};
    std::chrono::seconds summer_{0};
    bool changes_ = false;
    Change to_summer_;
    Change to_standard_;
};

}  // namespace bansuri
