// SPDX-License-Identifier: MIT
#include "engine/covered_time.hpp"

#include <algorithm>
#include <iterator>

namespace bansuri::engine {

void CoveredTime::advance(WallTime now) {
    Stretch grown{spans_[current_].begin, std::max(spans_[current_].end, now)};
    if (spans_.size() == 1) {
        spans_[0] = grown;
        return;
    }
    // Growing may run into stretches that were covered before the clock was set back.
    std::vector<Stretch> kept;
    for (std::size_t i = 0; i < spans_.size(); ++i) {
        if (i == current_) continue;
        if (spans_[i].begin <= grown.end && grown.begin <= spans_[i].end) {
            grown = {std::min(grown.begin, spans_[i].begin), std::max(grown.end, spans_[i].end)};
        } else {
            kept.push_back(spans_[i]);
        }
    }
    kept.push_back(grown);
    spans_ = std::move(kept);
    current_ = spans_.size() - 1;
}

void CoveredTime::jump(WallTime now) {
    current_ = find(now);
    if (current_ < spans_.size()) return;
    if (spans_.size() == most_spans) spans_.erase(spans_.begin());
    spans_.push_back({now, now});
    current_ = spans_.size() - 1;
}

std::optional<WallTime> CoveredTime::end_of_span_at(WallTime instant) const {
    const std::size_t at = find(instant);
    if (at == spans_.size()) return std::nullopt;
    return spans_[at].end;
}

std::vector<Stretch> CoveredTime::spans_within(WallTime after, WallTime until) const {
    std::vector<Stretch> within;
    std::copy_if(spans_.begin(), spans_.end(), std::back_inserter(within),
                 [&](const Stretch& span) { return after < span.begin && span.begin <= until; });
    return within;
}

std::size_t CoveredTime::find(WallTime instant) const {
    const auto at = std::find_if(spans_.begin(), spans_.end(),
                                 [instant](const Stretch& span) { return span.holds(instant); });
    return static_cast<std::size_t>(std::distance(spans_.begin(), at));
}

}  // namespace bansuri::engine
