// SPDX-License-Identifier: MIT
#include "core/config/schedule_cache.hpp"

namespace bansuri::config {

Result<CronSchedule> ScheduleCache::cron(std::string_view text, const TimeZone& zone) {
    std::string key(text);
    key += '\0';
    key += zone.name();
    if (const auto known = crons_.find(key); known != crons_.end()) return known->second;
    if (last_cron_ && last_cron_->first == key) return last_cron_->second;
    Result<CronSchedule> schedule = CronSchedule::parse(text, zone);
    if (crons_.size() < most) {
        crons_.emplace(std::move(key), schedule);
    } else {
        last_cron_.emplace(std::move(key), schedule);
    }
    return schedule;
}

Result<TimeZone> ScheduleCache::zone(std::string_view name) {
    std::string key(name);
    if (const auto known = zones_.find(key); known != zones_.end()) return known->second;
    Result<TimeZone> zone = TimeZone::find(name);
    if (zones_.size() < most) zones_.emplace(std::move(key), zone);
    return zone;
}

}  // namespace bansuri::config
