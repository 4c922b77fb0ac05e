// SPDX-License-Identifier: MIT
#include "engine/task_record.hpp"

namespace bansuri::engine {

TaskMemory memory_of(const TaskRecord& record) {
    return {record.successes,
            record.halted,
            record.last_ended,
            record.alerts.failed_in_a_row(),
            record.alerts.failure_told(),
            {record.expected_since, record.last_success, record.alerts.incident_since(),
             record.alerts.incident_told(), record.alerts.overdue_told()}};
}

FailureInfo facts_about(const TaskRecord& record) {
    const Task& task = *record.task;
    FailureInfo info;
    info.task = task.name;
    info.description = task.description;
    info.command = task.command.line;
    info.working_directory = task.command.working_directory;
    if (record.last) {
        info.run = record.last->id;
        info.outcome = record.last->outcome;
    }
    return info;
}

TaskStatus status_of(const TaskRecord& record, const Timeline& timeline, const Clock& clock,
                     const TimeZone& zone) {
    TaskStatus status;
    status.task = record.task;
    const auto* cron = std::get_if<CronSchedule>(&record.task->schedule);
    status.zone = cron != nullptr ? cron->zone() : zone;
    status.state = record.state;
    status.reason = record.reason;
    status.since = record.since;
    status.halted = record.halted;
    status.removed = record.removed;
    status.successes = record.successes;
    if (const auto next = timeline.next_of(record)) {
        status.next = next->instant;
        if (record.task->jitter > Duration::zero()) status.next_start = next->start;
    }
    status.waiting = record.waiting.size();
    status.last = record.last;
    status.overdue = record.alerts.overdue_told();
    for (const auto& run : record.runs) {
        LiveRun live;
        live.id = run->id();
        live.attempt = run->attempt();
        live.pid = run->pid();
        live.instant = run->due().instant;
        if (live.pid != 0) {
            live.started = run->started_at();
            live.time_limit = run->time_limit();
        }
        if (const auto retry = run->retry_at()) {
            live.retry_at = clock.wall_now() + (*retry - clock.mono_now());
            if (!status.retry_at || *live.retry_at < *status.retry_at) {
                status.retry_at = live.retry_at;
            }
        }
        status.runs.push_back(std::move(live));
    }
    return status;
}

}  // namespace bansuri::engine
