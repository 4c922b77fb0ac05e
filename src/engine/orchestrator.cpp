// SPDX-License-Identifier: MIT
#include "engine/orchestrator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace bansuri::engine {
namespace asio = boost::asio;

Orchestrator::Orchestrator(Services services)
    : services_(std::move(services)),
      timeline_(services_.clock, services_.events, *this),
      run_ended_(services_.loop) {}

void Orchestrator::apply(const Configuration& configuration) {
    if (shutting_down_) return;
    ConfigurationApplied applied{++generation_, configuration.tasks.size(), 0, 0, 0, 0};
    // First what goes, so that what comes finds its port or its lock free as soon as may be.
    std::unordered_set<std::string_view> named;
    for (const auto& task : configuration.tasks) named.insert(task->name);
    std::vector<TaskRecord*> gone;
    for (const auto& [name, record] : records_) {
        if (!record->removed && !named.contains(name)) gone.push_back(record.get());
    }
    applied.removed = gone.size();
    for (TaskRecord* record : gone) remove(*record);

    for (const auto& task : configuration.tasks) {
        const auto known = records_.find(task->name);
        if (known == records_.end()) {
            ++applied.added;
            add(task);
        } else if (known->second->removed) {
            ++applied.added;
            restart(*known->second, task);
        } else {
            switch (compare(*known->second->task, *task)) {
                case TaskChange::none: break;
                case TaskChange::in_place:
                    ++applied.changed;
                    change(*known->second, task);
                    break;
                case TaskChange::restart:
                    ++applied.restarted;
                    restart(*known->second, task);
                    break;
            }
        }
    }
    services_.events.publish(applied);
}

void Orchestrator::add(std::shared_ptr<const Task> task) {
    const std::string name = task->name;
    auto made = std::make_unique<TaskRecord>(std::move(task), services_.clock, services_.notifier);
    TaskRecord& record = *records_.emplace(name, std::move(made)).first->second;
    schedule(record);
}

void Orchestrator::schedule(TaskRecord& record) {
    if (record.task->enabled) return timeline_.add(record, record.task->schedule);
    record.state = TaskState::stopped;  // as its author wants it: no event
}

void Orchestrator::change(TaskRecord& record, std::shared_ptr<const Task> task) {
    timeline_.fire_due();  // what is due already is due by the old definition
    const auto before = std::exchange(record.task, std::move(task));
    for (const auto& run : record.runs) run->adopt(record.task);
    record.alerts.policy_changed(record.task->notify);
    const bool was_once = std::holds_alternative<Once>(before->schedule);
    const bool is_once = std::holds_alternative<Once>(record.task->schedule);
    if (!record.task->enabled || record.is_done()) {
        timeline_.remove(record);
        skip_waiting(record, "the task was changed");
    } else if (std::exchange(record.halted, false) || !before->enabled) {
        timeline_.remove(record);
        timeline_.add(record, record.task->schedule);
    } else if (is_once && !was_once) {
        // It is due once in its life: if it has never run, now.
        timeline_.remove(record);
        if (!record.last_ended && record.runs.empty()) {
            timeline_.add(record, record.task->schedule);
        }
    } else {
        // The timeline points into the old definition, so it learns of every new one.
        timeline_.change(record, record.task->schedule);
    }
    settle(record, "the task was changed");
}

void Orchestrator::restart(TaskRecord& record, std::shared_ptr<const Task> task) {
    timeline_.fire_due();
    timeline_.remove(record);
    skip_waiting(record, "the task was changed");
    record.task = std::move(task);
    record.removed = record.halted = false;
    record.last_ended.reset();
    record.successes = 0;
    record.alerts.policy_changed(record.task->notify);
    record.draining = !record.runs.empty();
    stop_runs(record, "the task was changed");
    if (record.task->enabled) timeline_.add(record, record.task->schedule);
    if (!record.draining) settle(record, "the task was changed");
}

void Orchestrator::remove(TaskRecord& record) {
    timeline_.fire_due();
    timeline_.remove(record);
    record.alerts.flush();
    const std::string reason = "the task was removed from the configuration";
    skip_waiting(record, reason);
    record.removed = true;
    if (record.runs.empty()) {
        enter(record, TaskState::stopped, reason);
        forget(record);
    } else {
        stop_runs(record, reason);
    }
}

void Orchestrator::forget(TaskRecord& record) {
    const std::string name = record.task->name;  // the key must outlive the record it is part of
    records_.erase(name);
}

void Orchestrator::on_due(TaskRecord& record, WallTime instant) {
    if (shutting_down_) return skip(record, instant, "shutdown");
    if (record.draining) return queue(record, instant, 1);
    if (record.runs.empty()) return start_run(record, instant);
    switch (record.task->overlap) {
        case Overlap::allow: return start_run(record, instant);
        case Overlap::queue: return queue(record, instant, longest_queue);
        case Overlap::skip:
            return skip(record, instant,
                        fmt::format("overlap: run {} still ran", record.runs.front()->id()));
        case Overlap::replace:
            skip_waiting(record, "overlap: replaced by a later instant");
            record.waiting.push_back(instant);
            return stop_runs(record, "replaced by the next instant");
    }
}

void Orchestrator::on_missed(TaskRecord& record, const SkippedInstants& instants) {
    services_.store.skipped(record.task->name, instants);
    services_.events.publish(InstantsSkipped{record.task->name, instants});
}

void Orchestrator::start_run(TaskRecord& record, WallTime instant) {
    auto made = std::make_unique<TaskRunner>(services_, record.task, instant, record.alerts,
                                             [this, &record](TaskState state, std::string reason) {
                                                 enter(record, state, std::move(reason));
                                             });
    TaskRunner& runner = *made;
    record.runs.push_back(std::move(made));
    ++runs_alive_;
    asio::co_spawn(services_.loop, runner.run(),
                   [this, &record, &runner](std::exception_ptr bug, AttemptResult result) {
                       if (bug) {  // not even its record could be ended
                           result.outcome = Outcome::lost;
                           services_.on_bug(record.task->name, "its record could not be ended");
                       }
                       run_ended(record, runner, result);
                   });
}

void Orchestrator::run_ended(TaskRecord& record, TaskRunner& runner, const AttemptResult& result) {
    const auto mine = std::find_if(record.runs.begin(), record.runs.end(),
                                   [&](const auto& run) { return run.get() == &runner; });
    const std::unique_ptr<TaskRunner> ended = std::move(*mine);
    record.runs.erase(mine);
    --runs_alive_;
    const bool was_draining = record.draining;
    if (record.runs.empty()) record.draining = false;

    if (record.removed || shutting_down_) {
        if (record.runs.empty()) enter(record, TaskState::stopped, result.reason);
        if (record.removed && record.runs.empty()) forget(record);
    } else {
        if (!was_draining) decide(record, ended->id(), result);
        settle(record);
        start_waiting(record);
    }
    run_ended_.notify();
}

void Orchestrator::decide(TaskRecord& record, RunId run, const AttemptResult& result) {
    const Task& task = *record.task;
    switch (result.outcome) {
        case Outcome::success:
            record.last_ended = TaskState::success;
            ++record.successes;
            if (!record.is_done()) return;
            timeline_.remove(record);
            return skip_waiting(record, "max-runs is reached");
        case Outcome::failed:
        case Outcome::timeout:
        case Outcome::lost: {
            record.last_ended =
                result.outcome == Outcome::timeout ? TaskState::timeout : TaskState::failed;
            const bool goes_on =
                task.on_fail == OnFail::go_on ||
                (task.on_fail == OnFail::restart && task.on_exhausted == OnExhausted::go_on);
            if (goes_on) return;
            record.halted = true;
            timeline_.remove(record);
            return skip_waiting(record, fmt::format("stopped: run {} failed", run));
        }
        case Outcome::stopped: record.last_ended = TaskState::stopped; return;
        case Outcome::skipped: return;
    }
}

void Orchestrator::settle(TaskRecord& record, const std::string& reason) {
    if (!record.runs.empty()) {
        const bool running =
            std::any_of(record.runs.begin(), record.runs.end(),
                        [](const auto& run) { return run->state() == TaskState::running; });
        // A run that has not entered a state yet does so in a moment.
        if (running) enter(record, TaskState::running, reason);
    } else if (record.halted) {
        enter(record, TaskState::stopped, "it failed");
    } else if (record.is_done()) {
        enter(record, TaskState::success, reason);
    } else if (!record.task->enabled) {
        enter(record, TaskState::stopped, "enabled is false");
    } else if (timeline_.contains(record) || !record.waiting.empty()) {
        enter(record, TaskState::pending, reason);
    } else if (record.last_ended) {
        enter(record, *record.last_ended, reason);
    }
}

void Orchestrator::start_waiting(TaskRecord& record) {
    if (!record.runs.empty() || record.waiting.empty()) return;
    const WallTime instant = record.waiting.front();
    record.waiting.pop_front();
    start_run(record, instant);
}

void Orchestrator::queue(TaskRecord& record, WallTime instant, std::size_t limit) {
    if (record.waiting.size() >= limit) {
        return skip(record, instant,
                    fmt::format("overlap: {} instant{} waiting already", limit,
                                limit == 1 ? " is" : "s are"));
    }
    record.waiting.push_back(instant);
}

void Orchestrator::skip(TaskRecord& record, WallTime instant, std::string reason) {
    on_missed(record, SkippedInstants{instant, instant, 1, false, std::move(reason)});
}

void Orchestrator::skip_waiting(TaskRecord& record, const std::string& reason) {
    for (const WallTime instant : std::exchange(record.waiting, {})) skip(record, instant, reason);
}

void Orchestrator::stop_runs(TaskRecord& record, const std::string& reason) {
    for (const auto& run : record.runs) run->stop(reason);
}

void Orchestrator::enter(TaskRecord& record, TaskState state, std::string reason) {
    if (record.state == state) return;
    const TaskState from = std::exchange(record.state, state);
    services_.events.publish(StateChanged{record.task->name, from, state, std::move(reason)});
}

asio::awaitable<void> Orchestrator::shutdown() {
    shutting_down_ = true;
    timeline_.clear();
    for (const auto& [name, record] : records_) {
        skip_waiting(*record, "shutdown");
        record->alerts.flush();
        if (record->runs.empty()) record->state = TaskState::stopped;
        stop_runs(*record, "shutdown");
    }
    // Ended by the runs, each of which its stop-timeout and SIGKILL bound.
    while (runs_alive_ > 0) co_await run_ended_.wait();
}

void Orchestrator::kill_all() {
    for (const auto& [name, record] : records_) {
        for (const auto& run : record->runs) run->kill("shutdown");
    }
}

asio::awaitable<void> Orchestrator::until_idle() {
    // Ended by the runs; a caller that must not wait for ever calls shutdown() beside it.
    while (runs_alive_ > 0 || !timeline_.empty()) co_await run_ended_.wait();
}

std::optional<TaskState> Orchestrator::state_of(const std::string& task) const {
    const auto known = records_.find(task);
    if (known == records_.end()) return std::nullopt;
    return known->second->state;
}

}  // namespace bansuri::engine
