// SPDX-License-Identifier: MIT
#include "core/retry_policy.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace bansuri {
namespace {

using namespace std::chrono_literals;

TEST(RetryPolicy, DefaultDelays) {
    const RetryPolicy policy{.attempts = 0};
    const Duration expected[] = {0s, 1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s};
    for (unsigned next = 2; const Duration delay : expected) {
        EXPECT_EQ(policy.delay_before(next++), delay) << "before attempt " << next - 1;
    }
}

TEST(RetryPolicy, AConfiguredDelayStaysAsItIs) {
    const RetryPolicy policy{.attempts = 0, .delay = 5min};
    EXPECT_EQ(policy.delay_before(2), 5min);
    EXPECT_EQ(policy.delay_before(100), 5min);
}

TEST(RetryPolicy, ABackoffGrowsTheDelayUpToItsMax) {
    const RetryPolicy policy{.attempts = 0, .delay = 2s, .backoff = Backoff{3.0, 60s, 0.0}};
    const Duration expected[] = {2s, 6s, 18s, 54s, 60s, 60s};
    for (unsigned next = 2; const Duration delay : expected) {
        EXPECT_EQ(policy.delay_before(next++), delay);
    }
}

TEST(RetryPolicy, JitterOnlyShortens) {
    const RetryPolicy policy{.attempts = 0, .delay = 10s, .backoff = Backoff{1.0, 60s, 0.5}};
    EXPECT_EQ(policy.delay_before(2, 0.0), 10s);
    EXPECT_EQ(policy.delay_before(2, 0.5), 7500ms);
}

TEST(RetryPolicy, AttemptsCountTheFirst) {
    EXPECT_FALSE(RetryPolicy{.attempts = 1}.allows_retry(1));
    EXPECT_TRUE(RetryPolicy{.attempts = 3}.allows_retry(2));
    EXPECT_FALSE(RetryPolicy{.attempts = 3}.allows_retry(3));
    EXPECT_TRUE(RetryPolicy{.attempts = 0}.allows_retry(4'000'000'000U));
}

RC_GTEST_PROP(RetryPolicy, NoPauseIsNegativeOrGrowsBeyondItsMaxHoweverManyAttempts,
              (unsigned next, unsigned short delay_ms, unsigned char factor)) {
    const RetryPolicy policy{.attempts = 0,
                             .delay = std::chrono::milliseconds(delay_ms),
                             .backoff = Backoff{1.0 + factor / 10.0, std::chrono::minutes(2), 0.9}};
    const Duration pause = policy.delay_before(next, 0.999);
    RC_ASSERT(pause >= Duration::zero());
    RC_ASSERT(pause <= Duration(std::chrono::minutes(2)));
    if (next > 2) RC_ASSERT(pause >= RetryPolicy::shortest_pause);
}

}  // namespace
}  // namespace bansuri
