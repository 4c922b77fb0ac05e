// SPDX-License-Identifier: MIT
//
// Whether a failed attempt is followed by another, and after which pause. A value: the random
// number that spreads the pauses is handed in.
#pragma once

#include <optional>

#include "core/time.hpp"

namespace bansuri {

/// Growth of the pause between attempts: `restart-backoff`.
struct Backoff {
    double factor = 2.0;
    Duration max = std::chrono::minutes(1);
    double jitter = 0.0;  ///< 0..1: the part of each pause that is random
    bool operator==(const Backoff&) const = default;
};

struct RetryPolicy {
    /// Attempts of one run in all, the first included; 0 = no limit. 1 = never retries.
    unsigned attempts = 1;
    /// `restart-delay`. Nothing: the first retry at once, then 1s, 2s, 4s ... up to backoff.max.
    std::optional<Duration> delay;
    /// Nothing: a configured delay stays as it is. The default delay always grows.
    std::optional<Backoff> backoff;

    bool allows_retry(unsigned attempts_made) const {
        return attempts == 0 || attempts_made < attempts;
    }
    /// From the second retry on no pause is shorter, so that a command which fails at once cannot
    /// keep a machine busy.
    static constexpr Duration shortest_pause = std::chrono::milliseconds(100);

    /// The pause before attempt `next` (2 = the first retry). `chance` in [0, 1) chooses within
    /// the jitter. Never negative, and what grows never grows above backoff.max.
    Duration delay_before(unsigned next, double chance = 0.0) const;

    bool operator==(const RetryPolicy&) const = default;
};

}  // namespace bansuri
