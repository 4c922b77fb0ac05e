// SPDX-License-Identifier: MIT
//
// The stretches of wall time that the timeline has already gone through. When the wall clock is set
// back, instants in them are not due a second time; when it is set forward, the hole is not in
// them.
#pragma once

#include <optional>
#include <vector>

#include "core/time.hpp"

namespace bansuri::engine {

struct Stretch {
    WallTime begin;
    WallTime end;
    bool holds(WallTime instant) const { return begin <= instant && instant <= end; }
};

class CoveredTime {
  public:
    explicit CoveredTime(WallTime start) : spans_{{start, start}} {}

    /// Time went on, as it should, to `now`.
    void advance(WallTime now);
    /// The clock was set to `now`: what lies between is not covered.
    void jump(WallTime now);
    /// The end of the stretch that holds `instant`; nothing if none does.
    std::optional<WallTime> end_of_span_at(WallTime instant) const;
    /// The stretches that begin in (after, until].
    std::vector<Stretch> spans_within(WallTime after, WallTime until) const;

  private:
    std::size_t find(WallTime instant) const;  // spans_.size(): none

    static constexpr std::size_t most_spans = 64;  // the oldest is forgotten first
    std::vector<Stretch> spans_;
    std::size_t current_ = 0;
};

}  // namespace bansuri::engine
