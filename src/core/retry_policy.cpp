// SPDX-License-Identifier: MIT
#include "core/retry_policy.hpp"

#include <algorithm>
#include <cmath>

namespace bansuri {

Duration RetryPolicy::delay_before(unsigned next, double chance) const {
    if (next < 2) return Duration::zero();
    const unsigned retry = next - 2;  // 0 = the first retry
    const Backoff growth = backoff.value_or(Backoff{});
    double seconds = 0;
    if (delay) {
        const double first = std::chrono::duration<double>(*delay).count();
        seconds = backoff ? first * std::pow(growth.factor, retry) : first;
    } else if (retry > 0) {
        seconds = std::pow(growth.factor, retry - 1);
    }
    // Without restart-backoff a configured delay is taken as it stands, however long.
    if (!delay || backoff) {
        seconds = std::min(seconds, std::chrono::duration<double>(growth.max).count());
    }
    seconds -= seconds * growth.jitter * chance;
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace bansuri
