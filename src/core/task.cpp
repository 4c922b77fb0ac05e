// SPDX-License-Identifier: MIT
#include "core/task.hpp"

#include "core/duration.hpp"

namespace bansuri {

std::string schedule_text(const Task& task) {
    if (const auto* timer = std::get_if<Timer>(&task.schedule)) {
        return "every " + format_duration(timer->interval);
    }
    const auto* cron = std::get_if<CronSchedule>(&task.schedule);
    if (cron == nullptr) return "once";
    return task.cron + " " + cron->zone().name();
}

}  // namespace bansuri
