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
    if (!delay) {
        if (retry > 0) seconds = std::pow(growth.factor, retry - 1);
    } else if (seconds = std::chrono::duration<double>(*delay).count(); backoff && seconds > 0) {
        seconds *= std::pow(growth.factor, retry);
    }
    // Without restart-backoff a configured delay is taken as it stands, however long.
    if (!delay || backoff) {
        seconds = std::min(seconds, std::chrono::duration<double>(growth.max).count());
    }
    seconds -= seconds * growth.jitter * chance;
    const auto pause = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    return retry == 0 ? pause : std::max(pause, shortest_pause);
}

}  // namespace bansuri
