// SPDX-License-Identifier: MIT
#include "store/memory_run_store.hpp"

#include <fmt/format.h>

#include "core/iso8601.hpp"

namespace bansuri::store {

boost::asio::awaitable<Result<engine::RunId>> MemoryRunStore::claim(std::string task,
                                                                    WallTime instant) {
    TaskHistory& history = tasks_[task];
    if (!history.claimed.insert(instant).second) {
        co_return fail(ErrorCode::already_claimed, fmt::format("task \"{}\" has had its run for {}",
                                                               task, format_utc(instant)));
    }
    RecordedRun run;
    run.id = ++last_id_;
    run.task = task;
    run.instant = instant;
    history.runs.push_back(run.id);
    runs_.emplace(run.id, std::move(run));
    forget_old(history);
    co_return last_id_;
}

RecordedAttempt& MemoryRunStore::attempt_of(engine::RunId run, std::uint32_t attempt, WallTime at) {
    std::vector<RecordedAttempt>& attempts = runs_.at(run).attempts;
    if (attempts.empty() || attempts.back().attempt != attempt) {
        RecordedAttempt made;
        made.attempt = attempt;
        made.started = at;
        attempts.push_back(made);
        if (attempts.size() > most_attempts) attempts.erase(attempts.begin());
    }
    return attempts.back();
}

void MemoryRunStore::attempt_started(engine::RunId run, std::uint32_t attempt, pid_t pid,
                                     WallTime at) {
    attempt_of(run, attempt, at).pid = pid;
}

void MemoryRunStore::attempt_ended(engine::RunId run, std::uint32_t attempt,
                                   const engine::AttemptResult& result, WallTime at) {
    RecordedAttempt& ended = attempt_of(run, attempt, at);
    ended.ended = at;
    ended.result = result;
}

void MemoryRunStore::finish(engine::RunId run, const engine::AttemptResult& result, WallTime) {
    RecordedRun& finished = runs_.at(run);
    finished.result = result;
    forget_old(tasks_.at(finished.task));
}

void MemoryRunStore::skipped(const std::string& task, const engine::SkippedInstants& instants) {
    std::deque<engine::SkippedInstants>& skipped = tasks_[task].skipped;
    skipped.push_back(instants);
    if (skipped.size() > kept_per_task_) skipped.pop_front();
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
        history.claimed.erase(run->second.instant);
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
