// SPDX-License-Identifier: MIT
#include "engine/orchestrator.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <exception>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "engine/release.hpp"
#include "engine/shortcomings.hpp"

namespace bansuri::engine {
namespace asio = boost::asio;

Orchestrator::Orchestrator(Services services)
    : services_(std::move(services)),
      desk_{services_.clock, services_.notifier,
            [this](const TaskRecord& record) {
                services_.store.remember(record.task->name, memory_of(record));
            }},
      timeline_(services_.clock, services_.events, *this),
      expectations_(services_, desk_),
      run_ended_(services_.loop) {}

void Orchestrator::inherit(Inheritance inheritance) {
    if (inheritance.highest_held() > 0) services_.store.reserve_ids(inheritance.highest_held());
    inheritance_ = std::move(inheritance);
}

void Orchestrator::apply(const Configuration& configuration) {
    if (shutting_down_) return;
    zone_ = configuration.zone;
    configured_ = configuration.tasks;
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
    services_.store.know(followed(), services_.clock.wall_now());
    services_.events.publish(applied);
    for (const LimitNotEnforced& limit : shortcomings_of(configured_, services_.launcher)) {
        services_.events.publish(limit);
    }
}

/// Of the others no instant is missed.
std::vector<std::shared_ptr<const Task>> Orchestrator::followed() const {
    std::vector<std::shared_ptr<const Task>> tasks;
    tasks.reserve(configured_.size());
    for (const auto& task : configured_) {
        const auto known = records_.find(task->name);
        if (known != records_.end() && known->second->is_followed()) tasks.push_back(task);
    }
    return tasks;
}

void Orchestrator::add(std::shared_ptr<const Task> task) {
    const std::string name = task->name;
    auto made = std::make_unique<TaskRecord>(std::move(task), desk_);
    TaskRecord& record = *records_.emplace(name, std::move(made)).first->second;
    inheritance_ ? take_share(record, inheritance_->take(name)) : schedule(record);
    expectations_.follow(record);
}

void Orchestrator::take_share(TaskRecord& record, Inheritance::Share share) {
    const Task& task = *record.task;
    const bool is_once = std::holds_alternative<Once>(task.schedule);
    const bool once_unknown = is_once && inheritance_->once_tasks_unknown();
    for (InheritedRun& run : share.runs) resume(record, std::move(run));
    if (!share.progress) {
        if (!once_unknown) return schedule(record);
    } else {
        const TaskProgress& progress = *share.progress;
        record.successes = progress.memory.successes;
        record.halted = progress.memory.halted;
        record.last_ended = progress.memory.last_ended;
        record.last = progress.last;
        record.expected_since = progress.memory.watch.expected_since;
        record.last_success = progress.memory.watch.last_success;
        record.alerts.restore(progress.memory);
        // It was disabled or not there: nothing was expected of it until now.
        if (progress.schedule.empty() && !record.halted) expectations_.begin(record);
        for (const Due& due : progress.waiting) {
            if (timeline_.delay_again(record, task, due)) continue;
            record.waiting.push_back({due, RunOrigin::schedule});
        }
        const bool goes_on = record.is_followed();
        if (goes_on && progress.schedule == schedule_text(task)) {
            timeline_.restore(record, task, progress);
        } else if (goes_on && !once_unknown) {
            timeline_.add(record, task);
        }
        if (!goes_on) {
            skip_all(record, "the task is not scheduled any more");
            services_.store.forget(task.name);
        }
    }
    if (once_unknown && record.runs.empty()) {
        record.last_ended = record.last_ended.value_or(TaskState::stopped);
    }
    settle(record);
    start_waiting(record);
}

void Orchestrator::resume(TaskRecord& record, InheritedRun run) {
    if (inheritance_->reclaims(run.record.id)) {
        services_.store.reclaim(
            run.record.id,
            {record.task, run.record.due, {}, run.record.origin, services_.clock.wall_now()});
    }
    auto runner = make_runner(record, run.record.due, run.record.origin);
    runner->inherit(std::move(run));
    spawn(record, std::move(runner));
}

void Orchestrator::close_inheritance(Leftovers leftovers) {
    if (!inheritance_) return;
    const std::string reason = "the task was removed from the configuration";
    for (auto& [name, share] : inheritance_->take_rest()) {
        if (share.progress && !share.progress->schedule.empty()) services_.store.forget(name);
        if (share.progress && share.progress->memory.watch != TaskWatch{}) {
            services_.store.remember(name, {});
        }
        if (share.runs.empty()) continue;
        // Nothing is known of the task but its name, which is enough to end what runs, or to see
        // its end. No retry.
        auto task = std::make_shared<Task>();
        task->name = name;
        task->enabled = false;
        auto made = std::make_unique<TaskRecord>(task, desk_);
        TaskRecord& record = *records_.emplace(name, std::move(made)).first->second;
        record.removed = true;
        for (InheritedRun& run : share.runs) resume(record, std::move(run));
        if (leftovers == Leftovers::end) stop_runs(record, reason);
    }
    constexpr auto patience = std::chrono::seconds(30);  // what a notifier is given
    for (const AttemptId attempt : inheritance_->to_release()) {
        asio::co_spawn(services_.loop, release(services_, attempt, patience),
                       [this](std::exception_ptr bug) {
                           if (bug) services_.on_bug("", "an attempt could not be released");
                       });
    }
    inheritance_.reset();
}

void Orchestrator::schedule(TaskRecord& record) {
    if (record.task->enabled) return timeline_.add(record, *record.task);
    record.state = TaskState::stopped;  // as its author wants it: no event
    record.reason = "enabled is false";
}

void Orchestrator::follow_anew(TaskRecord& record) {
    // What lies behind is not missed: the schedule is followed from now on.
    services_.store.forget(record.task->name);
    if (record.is_followed()) services_.store.know({record.task}, services_.clock.wall_now());
    services_.store.remember(record.task->name, memory_of(record));
}

void Orchestrator::change(TaskRecord& record, std::shared_ptr<const Task> task) {
    timeline_.fire_due();  // what is due already is due by the old definition
    const auto before = std::exchange(record.task, std::move(task));
    for (const auto& run : record.runs) run->adopt(record.task);
    record.alerts.policy_changed(record.task->notify);
    expectations_.changed(record, *before);
    const bool was_once = std::holds_alternative<Once>(before->schedule);
    const bool is_once = std::holds_alternative<Once>(record.task->schedule);
    if (!record.task->enabled || record.is_done()) {
        stop_following(record, "the task was changed");
    } else if (std::exchange(record.halted, false) || !before->enabled) {
        timeline_.remove(record);
        timeline_.add(record, *record.task);
        follow_anew(record);
    } else if (is_once && !was_once) {
        // It is due once in its life: if it has never run, now.
        timeline_.remove(record);
        if (!record.last_ended && record.runs.empty()) timeline_.add(record, *record.task);
    } else {
        // The timeline points into the old definition, so it learns of every new one.
        timeline_.change(record, *record.task);
    }
    expectations_.follow(record);
    settle(record, "the task was changed");
}

void Orchestrator::restart(TaskRecord& record, std::shared_ptr<const Task> task) {
    timeline_.fire_due();
    timeline_.remove(record);
    skip_all(record, "the task was changed");
    record.task = std::move(task);
    record.removed = record.halted = false;
    record.last_ended.reset();
    record.successes = 0;
    record.alerts.policy_changed(record.task->notify);
    record.draining = !record.runs.empty();
    stop_runs(record, "the task was changed");
    if (record.task->enabled) timeline_.add(record, *record.task);
    expectations_.begin(record);
    follow_anew(record);
    if (!record.draining) settle(record, "the task was changed");
}

void Orchestrator::remove(TaskRecord& record) {
    timeline_.fire_due();
    timeline_.remove(record);
    expectations_.end(record);
    const std::string reason = "the task was removed from the configuration";
    skip_all(record, reason);
    services_.store.forget(record.task->name);
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

void Orchestrator::on_due(TaskRecord& record, Due due, RunOrigin origin) {
    if (shutting_down_) return skip(record, due, "shutdown");
    if (record.draining) return queue(record, due, origin, 1);
    if (record.runs.empty()) return start_run(record, due, origin);
    // What is made up for comes one after the other, whatever the policy.
    if (origin == RunOrigin::catch_up) return queue(record, due, origin, longest_queue);
    switch (record.task->overlap) {
        case Overlap::allow: return start_run(record, due, origin);
        case Overlap::queue: return queue(record, due, origin, longest_queue);
        case Overlap::skip:
            return skip(record, due,
                        fmt::format("overlap: run {} still ran", record.runs.front()->id()));
        case Overlap::replace:
            skip_waiting(record, "overlap: replaced by a later instant");
            queue(record, due, origin, 1);
            return stop_runs(record, "replaced by the next instant");
    }
}

void Orchestrator::on_missed(TaskRecord& record, const SkippedInstants& instants) {
    services_.store.skipped(record.task, instants, timeline_.grid_of(record),
                            services_.clock.wall_now());
    services_.events.publish(InstantsSkipped{record.task->name, instants});
}

void Orchestrator::on_first_delayed(TaskRecord& record, const Due& due) {
    services_.store.waits(record.task, due, timeline_.grid_of(record));
}

std::unique_ptr<TaskRunner> Orchestrator::make_runner(TaskRecord& record, Due due,
                                                      RunOrigin origin) {
    return std::make_unique<TaskRunner>(
        services_, RunOrder{record.task, due, timeline_.grid_of(record), origin}, record.alerts,
        [this, &record](TaskState state, std::string reason) {
            enter(record, state, std::move(reason));
        });
}

void Orchestrator::start_run(TaskRecord& record, Due due, RunOrigin origin) {
    spawn(record, make_runner(record, due, origin));
}

void Orchestrator::spawn(TaskRecord& record, std::unique_ptr<TaskRunner> made) {
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
    if (!record.removed && !shutting_down_ && !was_draining) decide(record, *ended, result);
    if (result.outcome == Outcome::success) expectations_.succeeded(record);
    if (ended->id() != 0) {
        const WallTime now = services_.clock.wall_now();
        record.last = {ended->id(), result.outcome, now};
        services_.store.finish(ended->id(), record.task->name, result, now, memory_of(record));
        services_.events.publish(RunEnded{record.task->name, ended->id(), result});
    }

    if (record.removed || shutting_down_) {
        if (record.runs.empty()) enter(record, TaskState::stopped, result.reason);
        if (record.removed && record.runs.empty()) forget(record);
    } else {
        settle(record);
        start_waiting(record);
    }
    run_ended_.notify();
}

void Orchestrator::decide(TaskRecord& record, const TaskRunner& run, const AttemptResult& result) {
    const Task& task = *record.task;
    switch (result.outcome) {
        case Outcome::success:
            record.last_ended = TaskState::success;
            ++record.successes;
            if (!record.is_done()) return;
            return stop_following(record, "max-runs is reached");
        case Outcome::failed:
        case Outcome::timeout:
        case Outcome::lost: {
            record.last_ended =
                result.outcome == Outcome::timeout ? TaskState::timeout : TaskState::failed;
            if (run.was_lost_before()) return;  // what stopped it was not the task
            const bool goes_on =
                task.on_fail == OnFail::go_on ||
                (task.on_fail == OnFail::restart && task.on_exhausted == OnExhausted::go_on);
            if (goes_on) return;
            record.halted = true;
            return stop_following(record, fmt::format("stopped: run {} failed", run.id()));
        }
        case Outcome::stopped: record.last_ended = TaskState::stopped; return;
        case Outcome::skipped: return;
    }
}

void Orchestrator::stop_following(TaskRecord& record, const std::string& why) {
    timeline_.remove(record);
    skip_all(record, why);
    // What comes from now on is not missed.
    services_.store.forget(record.task->name);
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
    const TaskRecord::Waiting next = record.waiting.front();
    record.waiting.pop_front();
    start_run(record, next.due, next.origin);
}

void Orchestrator::queue(TaskRecord& record, Due due, RunOrigin origin, std::size_t limit) {
    if (record.waiting.size() >= limit) {
        return skip(record, due,
                    fmt::format("overlap: {} instant{} waiting already", limit,
                                limit == 1 ? " is" : "s are"));
    }
    record.waiting.push_back({due, origin});
    services_.store.waits(record.task, due, timeline_.grid_of(record));
}

void Orchestrator::skip(TaskRecord& record, Due due, std::string reason) {
    on_missed(record, {due.instant, due.instant, 1, false, std::move(reason), due.tick});
}

void Orchestrator::skip_waiting(TaskRecord& record, const std::string& reason) {
    for (const auto& waiting : std::exchange(record.waiting, {})) skip(record, waiting.due, reason);
}

void Orchestrator::skip_all(TaskRecord& record, const std::string& reason) {
    if (const auto delayed = timeline_.take_delayed(record)) skip(record, *delayed, reason);
    skip_waiting(record, reason);
}

void Orchestrator::stop_runs(TaskRecord& record, const std::string& reason) {
    for (const auto& run : record.runs) run->stop(reason);
}

void Orchestrator::enter(TaskRecord& record, TaskState state, std::string reason) {
    if (record.state == state) return;
    const TaskState from = std::exchange(record.state, state);
    record.reason = reason;
    record.since = services_.clock.wall_now();
    services_.events.publish(StateChanged{record.task->name, from, state, std::move(reason)});
}

asio::awaitable<void> Orchestrator::shutdown() {
    shutting_down_ = true;
    timeline_.clear("shutdown");
    expectations_.clear();
    Duration grace = Duration::zero();
    for (const auto& [name, record] : records_) {
        skip_waiting(*record, "shutdown");
        record->alerts.flush();
        if (record->runs.empty()) record->state = TaskState::stopped;
        stop_runs(*record, "shutdown");
        if (!record->runs.empty()) grace = std::max(grace, record->task->stop_timeout);
    }
    give_up_at(services_.clock.mono_now() + grace + time_to_die);
    // Ended by the runs, each of which its stop-timeout and SIGKILL bound, or by the deadline: a
    // process may be beyond SIGKILL, as another user's or inside the kernel.
    while (runs_alive_ > 0 && services_.clock.mono_now() < shutdown_end_) {
        co_await run_ended_.wait();
    }
}

void Orchestrator::give_up_at(MonoTime when) {
    shutdown_end_ = std::min(shutdown_end_, when);
    shutdown_alarm_ = services_.clock.at(shutdown_end_, [this] { run_ended_.notify(); });
}

void Orchestrator::kill_all() {
    give_up_at(services_.clock.mono_now() + time_to_die);
    for (const auto& [name, record] : records_) {
        for (const auto& run : record->runs) run->kill("shutdown");
    }
}

asio::awaitable<void> Orchestrator::until_idle() {
    // Ended by the runs; a caller that must not wait for ever calls shutdown() beside it.
    while (runs_alive_ > 0 || !timeline_.empty()) co_await run_ended_.wait();
}

std::vector<TaskStatus> Orchestrator::status(const std::vector<std::string>& names) const {
    std::vector<TaskStatus> all;
    const auto tell = [this, &all](const std::string& name) {
        const auto known = records_.find(name);
        if (known == records_.end()) return;
        all.push_back(status_of(*known->second, timeline_, services_.clock, zone_));
        all.back().shortcomings = shortcomings_of(*known->second->task, services_.launcher);
    };
    for (const std::string& name : names) tell(name);
    if (names.empty()) {
        all.reserve(configured_.size());
        for (const auto& task : configured_) tell(task->name);
    }
    return all;
}

std::optional<TaskState> Orchestrator::state_of(const std::string& task) const {
    const auto known = records_.find(task);
    if (known == records_.end()) return std::nullopt;
    return known->second->state;
}

}  // namespace bansuri::engine
