// SPDX-License-Identifier: MIT
#include "engine/inheritance.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>

#include "engine/attempt_label.hpp"

namespace bansuri::engine {
namespace {

/// The store never heard of it: it was lost, or could not be written.
std::optional<UnfinishedRun> run_of(const HeldAttempt& held) {
    const auto label = parse_label(held.label);
    if (!label) return std::nullopt;
    UnfinishedRun run{held.id.run, label->task, label->due, label->origin, {}, true, true};
    AttemptStart start;
    start.process = held.process;
    start.at = label->at;
    start.begun = label->begun;
    run.last = {held.id.attempt, start, std::nullopt};
    return run;
}

bool end_is_recorded(const UnfinishedRun& run, std::uint32_t attempt) {
    return run.last && (run.last->number > attempt ||
                        (run.last->number == attempt && run.last->end.has_value()));
}

}  // namespace

boost::asio::awaitable<Result<void>> adopt_what_lives(ProcessLauncher& launcher,
                                                      const Recovery& left,
                                                      const Configuration& configuration,
                                                      std::vector<HeldAttempt>& held) {
    std::set<AttemptId> known;
    for (const HeldAttempt& each : held) known.insert(each.id);
    std::unordered_map<std::string_view, const Task*> tasks;
    for (const auto& task : configuration.tasks) tasks.emplace(task->name, task.get());
    for (const UnfinishedRun& run : left.runs) {
        // Also of this session: the daemon before may have died while it adopted.
        if (!run.same_boot || !run.last || !run.last->start || run.last->end) continue;
        if (known.contains({run.id, run.last->number})) continue;
        const AttemptStart& start = *run.last->start;
        AdoptSpec spec;
        spec.id = {run.id, run.last->number};
        spec.process = start.process;
        spec.label = encode({run.task, run.due, run.origin, start.at, start.begun});
        if (const auto known = tasks.find(run.task); known != tasks.end()) {
            spec.survive = known->second->survive;
            spec.stop_timeout = known->second->stop_timeout;
        }
        const HeldAttempt adopted{spec.id, spec.process, spec.label};
        const Result<void> answer = co_await launcher.adopt(std::move(spec));
        if (answer) held.push_back(adopted);
        if (!answer && answer.error().code == ErrorCode::unreachable) co_return answer;
    }
    co_return Result<void>();
}

Inheritance::Inheritance(Recovery recovery, std::vector<HeldAttempt> held, bool keeper_has_started)
    : once_tasks_unknown_(keeper_has_started && !recovery.same_session) {
    std::map<RunId, InheritedRun> runs;
    for (UnfinishedRun& run : recovery.runs) {
        const RunId id = run.id;
        runs[id] = {std::move(run), {}};
    }
    // Several of one run, in their order: the end of the first was not recorded in time.
    std::sort(held.begin(), held.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    for (HeldAttempt& attempt : held) {
        auto known = runs.find(attempt.id.run);
        if (known == runs.end()) {
            auto run = attempt.id.run > recovery.last_id ? run_of(attempt) : std::nullopt;
            if (!run) {
                to_release_.push_back(attempt.id);
                continue;
            }
            reclaimed_[run->id] = true;
            const RunId id = run->id;
            highest_held_ = std::max(highest_held_, id);
            known = runs.emplace(id, InheritedRun{std::move(*run), {}}).first;
        }
        InheritedRun& run = known->second;
        if (end_is_recorded(run.record, attempt.id.attempt)) {
            to_release_.push_back(attempt.id);
            continue;
        }
        run.held.push_back(std::move(attempt));
    }
    for (TaskProgress& progress : recovery.tasks) {
        std::string name = progress.task;
        shares_[std::move(name)].progress = std::move(progress);
    }
    for (auto& [id, run] : runs) {
        std::string name = run.record.task;
        shares_[std::move(name)].runs.push_back(std::move(run));
    }
}

Inheritance::Share Inheritance::take(const std::string& task) {
    auto node = shares_.extract(task);
    return node ? std::move(node.mapped()) : Share{};
}

}  // namespace bansuri::engine
