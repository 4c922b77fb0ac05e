// SPDX-License-Identifier: MIT
//
// One zone of the IANA database, as the spans of constant offset that it is made of. A value that
// is cheap to copy; the database behind it is read once per zone and never changes while we run.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"
#include "core/time.hpp"

namespace bansuri {

/// Seconds of UTC; schedules know nothing finer.
using UtcSeconds = std::chrono::time_point<std::chrono::system_clock, std::chrono::seconds>;

class TimeZone {
  public:
    /// A span of UTC in which local time runs at one offset from it.
    struct Span {
        UtcSeconds begin;  ///< included
        UtcSeconds end;    ///< excluded
        std::chrono::seconds offset;
    };

    /// UTC.
    TimeZone();
    /// "Europe/Berlin", "UTC". The error (not_found) names the zone.
    static Result<TimeZone> find(std::string_view name);
    /// The machine's own zone: $TZ if it names one, else /etc/localtime, else UTC.
    static TimeZone system();

    const std::string& name() const;
    /// The span that holds `instant`, correct beyond the last transition that the compiled
    /// database lists (2037), where the zone's rule goes on.
    Span span_at(UtcSeconds instant) const;
    /// The first instant at which the local clock reads `local` or later, where `local` is a local
    /// time written as if it were UTC: in a gap the instant after it, in an overlap the first.
    UtcSeconds first_reading(UtcSeconds local) const;

    bool operator==(const TimeZone& other) const { return name() == other.name(); }

    struct Data;  ///< defined in time_zone.cpp

  private:
    explicit TimeZone(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
    std::shared_ptr<const Data> data_;
};

}  // namespace bansuri
