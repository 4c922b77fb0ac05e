// SPDX-License-Identifier: MIT
#include "engine/missed.hpp"

namespace bansuri::engine {
namespace {

UtcSeconds floor_seconds(WallTime time) { return std::chrono::floor<std::chrono::seconds>(time); }

std::optional<WallTime> latest_between(const CronSchedule& schedule, WallTime first, WallTime now) {
    std::optional<WallTime> latest;
    UtcSeconds cursor = floor_seconds(first) - std::chrono::seconds(1);
    while (const auto next = schedule.next_after(cursor)) {
        if (*next > now) break;
        if (*next >= first) latest = *next;
        cursor = *next;
    }
    return latest;
}

}  // namespace

Overdue settle_overdue(const CronSchedule& schedule, WallTime first, WallTime now) {
    Overdue answer;
    const Duration limit = schedule.is_fixed_time() ? fixed_time_limit : late_limit;
    answer.run = latest_between(schedule, std::max(first, now - limit), now);

    const WallTime end = answer.run.value_or(now + Duration(1));
    UtcSeconds cursor = floor_seconds(first) - std::chrono::seconds(1);
    while (const auto next = schedule.next_after(cursor)) {
        if (*next >= end) break;
        if (!answer.skipped) {
            answer.skipped = SkippedInstants{*next, *next, 0, false, {}};
        } else if (answer.skipped->count == most_counted) {
            answer.skipped->at_least = true;
            answer.skipped->last = answer.run.value_or(now);
            break;
        }
        ++answer.skipped->count;
        answer.skipped->last = *next;
        cursor = *next;
    }
    return answer;
}

}  // namespace bansuri::engine
