// SPDX-License-Identifier: MIT
#include "store/memory_run_store.hpp"

#include <fmt/format.h>

#include "core/iso8601.hpp"

namespace bansuri::store {

boost::asio::awaitable<engine::Recovery> MemoryRunStore::recover() {
    engine::Recovery left;
    left.same_session = true;  // it does not outlive a daemon
    left.last_id = last_id_;
    for (const auto& [id, run] : runs_) {
        if (run.result) continue;
        engine::UnfinishedRun unfinished{id, run.task, run.due, run.origin, {}, true, true};
        if (!run.attempts.empty()) {
            const RecordedAttempt& last = run.attempts.back();
            unfinished.last = {last.attempt, last.start, last.end};
        }
        left.runs.push_back(std::move(unfinished));
    }
    std::sort(left.runs.begin(), left.runs.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    for (const auto& [name, history] : tasks_) {
        left.tasks.push_back(history.progress);
        left.tasks.back().task = name;
    }
    co_return left;
}

MemoryRunStore::TaskHistory& MemoryRunStore::follow(const Task& task, engine::Grid grid) {
    TaskHistory& history = tasks_[task.name];
    history.progress.schedule = schedule_text(task);
    history.progress.grid = grid;
    return history;
}

void MemoryRunStore::know(std::vector<std::shared_ptr<const Task>> tasks, WallTime at) {
    for (const auto& task : tasks) {
        engine::TaskProgress& progress = tasks_[task->name].progress;
        std::string schedule = schedule_text(*task);
        if (progress.schedule == schedule) continue;
        progress.schedule = std::move(schedule);
        progress.since = at;
        progress.accounted.reset();
        progress.tick.reset();
    }
}

void MemoryRunStore::forget(const std::string& task) {
    engine::TaskProgress& progress = tasks_[task].progress;
    progress.schedule.clear();
    progress.accounted.reset();
    progress.tick.reset();
    progress.waiting.clear();
}

void MemoryRunStore::account(TaskHistory& history, WallTime instant, std::optional<MonoTime> tick) {
    history.progress.accounted = instant;
    if (tick) history.progress.tick = tick;
}

boost::asio::awaitable<Result<engine::RunId>> MemoryRunStore::claim(engine::Claim claim) {
    TaskHistory& history = follow(*claim.task, claim.grid);
    if (history.claimed.contains(claim.due.instant)) {
        co_return fail(ErrorCode::already_claimed,
                       fmt::format("task \"{}\" has had its run for {}", claim.task->name,
                                   format_utc(claim.due.instant)));
    }
    record(++last_id_, claim);
    co_return last_id_;
}

void MemoryRunStore::reclaim(engine::RunId run, engine::Claim claim) {
    reserve_ids(run);
    record(run, claim);
}

void MemoryRunStore::record(engine::RunId id, const engine::Claim& claim) {
    TaskHistory& history = follow(*claim.task, claim.grid);
    history.claimed.insert(claim.due.instant);
    const bool waited = std::erase(history.progress.waiting, claim.due) > 0;
    if (!waited && claim.origin != engine::RunOrigin::manual) {
        account(history, claim.due.instant, claim.due.tick);
    }
    RecordedRun run;
    run.id = id;
    run.task = claim.task->name;
    run.due = claim.due;
    run.origin = claim.origin;
    history.runs.push_back(run.id);
    runs_.emplace(run.id, std::move(run));
    forget_old(history);
}

void MemoryRunStore::waits(std::shared_ptr<const Task> task, engine::Due due, engine::Grid grid) {
    TaskHistory& history = follow(*task, grid);
    account(history, due.instant, due.tick);
    history.progress.waiting.push_back(due);
}

void MemoryRunStore::skipped(std::shared_ptr<const Task> task,
                             const engine::SkippedInstants& instants, engine::Grid grid, WallTime) {
    TaskHistory& history = follow(*task, grid);
    const auto waited = [&](const engine::Due& due) {
        return instants.first <= due.instant && due.instant <= instants.last;
    };
    if (std::erase_if(history.progress.waiting, waited) == 0) {
        account(history, instants.last, instants.tick);
    }
    engine::SkippedInstants record = instants;
    if (!history.claimed.insert(record.first).second) {
        if (record.first == record.last) return;
        // The first has its record already; the others still have none.
        record.first = record.last;
        record.count = std::max<std::uint64_t>(record.count, 2) - 1;
        if (!history.claimed.insert(record.first).second) return;
    }
    history.skipped.push_back(std::move(record));
    if (history.skipped.size() > kept_per_task_) {
        history.claimed.erase(history.skipped.front().first);
        history.skipped.pop_front();
    }
}

RecordedAttempt& MemoryRunStore::attempt_of(engine::RunId run, std::uint32_t attempt) {
    std::vector<RecordedAttempt>& attempts = runs_.at(run).attempts;
    if (attempts.empty() || attempts.back().attempt != attempt) {
        attempts.push_back({attempt, std::nullopt, std::nullopt});
        if (attempts.size() > most_attempts) attempts.erase(attempts.begin());
    }
    return attempts.back();
}

void MemoryRunStore::attempt_started(engine::RunId run, std::uint32_t attempt,
                                     const engine::AttemptStart& start) {
    attempt_of(run, attempt).start = start;
}

void MemoryRunStore::attempt_ended(engine::RunId run, std::uint32_t attempt,
                                   const engine::AttemptEnd& end, std::shared_ptr<void>) {
    attempt_of(run, attempt).end = end;
}

void MemoryRunStore::finish(engine::RunId run, const std::string& task,
                            const engine::AttemptResult& result, WallTime at,
                            const engine::TaskMemory& memory) {
    runs_.at(run).result = result;
    TaskHistory& history = tasks_[task];
    history.progress.last = {run, result.outcome, at};
    history.progress.memory = memory;
    forget_old(history);
}

void MemoryRunStore::remember(const std::string& task, const engine::TaskMemory& memory) {
    tasks_[task].progress.memory = memory;
}

void MemoryRunStore::forget_old(TaskHistory& history) {
    // One that is still alive stays, wherever it stands: its end must find it.
    for (auto id = history.runs.begin();
         history.runs.size() > kept_per_task_ && id != history.runs.end();) {
        const auto run = runs_.find(*id);
        if (!run->second.result) {
            ++id;
            continue;
        }
        history.claimed.erase(run->second.due.instant);
        runs_.erase(run);
        id = history.runs.erase(id);
    }
}

std::vector<RecordedRun> MemoryRunStore::runs(const std::string& task) const {
    std::vector<RecordedRun> found;
    const auto known = tasks_.find(task);
    if (known == tasks_.end()) return found;
    for (const engine::RunId id : known->second.runs) found.push_back(runs_.at(id));
    return found;
}

std::vector<engine::SkippedInstants> MemoryRunStore::skips(const std::string& task) const {
    const auto known = tasks_.find(task);
    if (known == tasks_.end()) return {};
    return {known->second.skipped.begin(), known->second.skipped.end()};
}

}  // namespace bansuri::store
