// SPDX-License-Identifier: MIT
#include "engine/missed.hpp"

#include <algorithm>
#include <deque>

#include "core/jitter.hpp"

namespace bansuri::engine {
namespace {

UtcSeconds floor_seconds(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

bool is_settled(const MissedPolicy& policy, WallTime instant) {
    return std::any_of(policy.settled.begin(), policy.settled.end(),
                       [instant](const Stretch& span) { return span.holds(instant); });
}

/// The latest `count` instants of [first, now], oldest first.
std::deque<WallTime> latest_between(const CronSchedule& schedule, WallTime first, WallTime now,
                                    std::size_t count, const MissedPolicy& policy) {
    std::deque<WallTime> latest;
    // Backwards in growing steps: a job that is due each second must not be followed through a
    // window of days.
    for (Duration reach = late_limit;; reach *= 8) {
        const bool all = now - first <= reach;
        const WallTime from = all ? first : now - reach;
        latest.clear();
        UtcSeconds cursor = floor_seconds(from) - std::chrono::seconds(1);
        while (const auto next = schedule.next_after(cursor)) {
            if (*next > now) break;
            cursor = *next;
            if (*next < from || is_settled(policy, *next)) continue;
            latest.push_back(*next);
            if (latest.size() > count) latest.pop_front();
        }
        if (all || latest.size() == count) return latest;
    }
}

std::optional<SkippedInstants> count_skipped(const CronSchedule& schedule, WallTime first,
                                             WallTime end, WallTime last,
                                             const MissedPolicy& policy) {
    std::optional<SkippedInstants> skipped;
    UtcSeconds cursor = floor_seconds(first) - std::chrono::seconds(1);
    while (const auto next = schedule.next_after(cursor)) {
        if (*next >= end) break;
        cursor = *next;
        if (*next < first || is_settled(policy, *next)) continue;
        if (!skipped) {
            skipped = SkippedInstants{*next, *next, 0, false, {}, std::nullopt};
        } else if (skipped->count == most_counted) {
            skipped->at_least = true;
            skipped->last = last;
            break;
        }
        ++skipped->count;
        skipped->last = *next;
    }
    return skipped;
}

Overdue settle(const CronSchedule& schedule, WallTime first, WallTime now,
               const MissedPolicy& policy) {
    const Duration limit =
        schedule.is_fixed_time() && !policy.was_down ? fixed_time_limit : late_limit;
    const Duration reach =
        policy.catch_up == CatchUp::none ? limit : std::max(limit, policy.window);
    const std::size_t count = policy.catch_up == CatchUp::all ? most_caught_up : 1;

    Overdue answer;
    // An old `first` must not make the difference of two times overflow.
    const WallTime from = now.time_since_epoch() > reach ? std::max(first, now - reach) : first;
    for (const WallTime instant : latest_between(schedule, from, now, count, policy)) {
        answer.runs.push_back({instant, RunOrigin::catch_up});
    }
    // Of several all are made up for, one after the other.
    if (answer.runs.size() == 1 && now - answer.runs.back().instant <= limit) {
        answer.runs.back().origin = RunOrigin::schedule;
    }
    const WallTime end = answer.runs.empty() ? now + Duration(1) : answer.runs.front().instant;
    // Where counting stops short, what is meant reaches up to the first that runs.
    const WallTime last = answer.runs.empty() ? now : end - std::chrono::seconds(1);
    answer.skipped = count_skipped(schedule, first, end, last, policy);
    return answer;
}

}  // namespace

Overdue settle_overdue(const CronSchedule& schedule, WallTime first, WallTime now,
                       const MissedPolicy& policy) {
    const bool delays = policy.task != nullptr && policy.task->jitter > Duration::zero();
    const auto latest = [&](WallTime until) -> std::optional<WallTime> {
        if (until < first) return std::nullopt;
        const auto found = latest_between(schedule, first, until, 1, policy);
        return found.empty() ? std::nullopt : std::optional(found.back());
    };
    const auto came = delays ? latest(now) : std::nullopt;
    if (!came) return settle(schedule, first, now, policy);

    const Duration delay = start_delay(*policy.task, *came);
    const Duration left = delay - (now - *came);
    // Looked at from its start, it is late by what the delay has been over for.
    if (left <= Duration::zero()) return settle(schedule, first, now - delay, policy);
    Overdue answer;
    const WallTime before_it = *came - Duration(1);
    if (const auto before = latest(before_it)) {
        const WallTime as_of = now - start_delay(*policy.task, *before);
        answer = settle(schedule, first, std::clamp(as_of, *before, before_it), policy);
    }
    answer.runs.push_back({*came, RunOrigin::schedule, left});
    return answer;
}

}  // namespace bansuri::engine
