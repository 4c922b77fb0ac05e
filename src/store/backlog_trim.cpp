// SPDX-License-Identifier: MIT
//
// The half of Backlog that decides what is lost first when too much waits.
#include <algorithm>
#include <utility>

#include "store/backlog.hpp"

namespace bansuri::store {
namespace {

using Attempt = std::pair<engine::RunId, std::uint32_t>;

std::optional<Attempt> attempt_of(const Operation& operation) {
    if (const auto* started = std::get_if<AttemptStartedOperation>(&operation)) {
        return Attempt{started->run, started->attempt};
    }
    if (const auto* ended = std::get_if<AttemptEndedOperation>(&operation)) {
        return Attempt{ended->run, ended->attempt};
    }
    return std::nullopt;
}

/// Nothing: it is of no run, or of one that nobody was told of yet.
std::optional<engine::RunId> run_of(const Operation& operation) {
    if (const auto attempt = attempt_of(operation)) return attempt->first;
    if (const auto* finish = std::get_if<FinishOperation>(&operation)) return finish->run;
    const auto* const claim = std::get_if<ClaimOperation>(&operation);
    if (claim == nullptr || claim->answer || claim->refused) return std::nullopt;
    return claim->run;
}

PassedOperation passed(const engine::Claim& claim) {
    const WallTime instant = claim.due.instant;
    const bool manual = claim.origin == engine::RunOrigin::manual;
    return {claim.task, claim.grid, instant, instant,
            manual ? std::nullopt : std::optional(claim.due)};
}

PassedOperation passed(const SkippedOperation& skipped) {
    const engine::SkippedInstants& instants = skipped.instants;
    return {skipped.task, skipped.grid, instants.first, instants.last,
            engine::Due{instants.last, instants.tick}};
}

}  // namespace

std::size_t Backlog::trim(const SqliteOptions::Bounds& bounds, Tokens& tokens) {
    // A tenth more than needed, so that not every operation that comes has the whole walked over.
    if (held_ > bounds.tokens) let_go_beyond(bounds.tokens - bounds.tokens / 10, tokens);
    std::size_t dropped = 0;
    if (is_beyond(bounds)) {
        Trimming trimming{bounds.operations - bounds.operations / 10,
                          bounds.bytes - bounds.bytes / 10, tokens, operations_.size()};
        drop_what_starts_nothing(trimming);
        if (!is_enough(trimming)) drop_whole_runs(trimming);
        if (!is_enough(trimming)) collapse_attempts(trimming);
        if (!is_enough(trimming)) collapse_replaced(trimming);
        compact();
        operations_kept_ = operations_.size();
        bytes_kept_ = bytes_;
        dropped = trimming.dropped;
    }
    bound_instants(bounds.operations / 4);
    return dropped;
}

bool Backlog::is_beyond(const SqliteOptions::Bounds& bounds) const {
    return operations_.size() >
               std::max(bounds.operations, operations_kept_ + bounds.operations / 10) ||
           bytes_ > std::max(bounds.bytes, bytes_kept_ + bounds.bytes / 10);
}

bool Backlog::is_enough(const Trimming& trimming) const {
    return trimming.left <= trimming.operations && bytes_ <= trimming.bytes;
}

// First of attempts whose start is written: should the daemon die, the next one knows of them. Of
// another one only the keeper does, so its token goes last.
void Backlog::let_go_beyond(std::size_t bound, Tokens& tokens) {
    std::unordered_set<engine::RunId> unwritten;
    for (const Operation& operation : operations_) {
        if (const auto* started = std::get_if<AttemptStartedOperation>(&operation)) {
            unwritten.insert(started->run);
        }
    }
    for (const bool all : {false, true}) {
        for (Operation& operation : operations_) {
            if (held_ <= bound) return;
            const auto run = run_of(operation);
            if (all || (run && !unwritten.contains(*run))) let_go(operation, tokens);
        }
    }
}

void Backlog::drop(std::size_t index, Trimming& trimming) {
    let_go(operations_[index], trimming.tokens);
    replace(index, NoOperation{});
    --trimming.left;
}

/// In place of the operation that is there. One of each task is kept, where the later one stood.
void Backlog::pass_by(std::size_t index, PassedOperation passed, Trimming& trimming) {
    const auto [known, is_first] = trimming.passed.emplace(passed.task->name, index);
    if (is_first) return replace(index, std::move(passed));
    const std::size_t other = known->second;
    auto later = std::get<PassedOperation>(std::move(operations_[other]));
    if (index > other) std::swap(later, passed);
    later.first = std::min(later.first, passed.first);
    later.last = std::max(later.last, passed.last);
    // What waited is claimed after later instants were skipped.
    const auto& accounted = passed.accounted;
    if (accounted && (!later.accounted || later.accounted->instant < accounted->instant)) {
        later.accounted = accounted;
    }
    known->second = std::max(index, other);
    replace(std::min(index, other), NoOperation{});
    replace(known->second, std::move(later));
    --trimming.left;
}

void Backlog::drop_what_starts_nothing(Trimming& trimming) {
    for (std::size_t index = 0; index < operations_.size(); ++index) {
        Operation& operation = operations_[index];
        if (std::holds_alternative<NoOperation>(operation)) --trimming.left;
        if (const auto* known = std::get_if<PassedOperation>(&operation)) {
            pass_by(index, *known, trimming);
        }
        if (is_enough(trimming)) continue;
        if (const auto* skipped = std::get_if<SkippedOperation>(&operation)) {
            pass_by(index, passed(*skipped), trimming);
        } else if (std::holds_alternative<WaitsOperation>(operation) ||
                   std::holds_alternative<EventOperation>(operation)) {
            drop(index, trimming);
        } else {
            continue;
        }
        ++trimming.dropped;
    }
}

void Backlog::drop_whole_runs(Trimming& trimming) {
    struct Trace {
        std::vector<std::size_t> indexes;
        bool finished = false;
    };
    std::unordered_map<engine::RunId, Trace> traces;
    std::vector<engine::RunId> claimed;
    for (std::size_t index = 0; index < operations_.size(); ++index) {
        const auto run = run_of(operations_[index]);
        if (!run) continue;
        if (std::holds_alternative<ClaimOperation>(operations_[index])) claimed.push_back(*run);
        Trace& trace = traces[*run];
        trace.indexes.push_back(index);
        if (std::holds_alternative<FinishOperation>(operations_[index])) trace.finished = true;
    }
    for (const engine::RunId run : claimed) {
        if (is_enough(trimming)) return;
        const Trace& trace = traces.at(run);
        if (trace.finished) drop_run(trace.indexes, trimming);
    }
}

void Backlog::drop_run(const std::vector<std::size_t>& indexes, Trimming& trimming) {
    trimming.dropped += indexes.size();
    for (const std::size_t index : indexes) {
        Operation& operation = operations_[index];
        if (const auto* claim = std::get_if<ClaimOperation>(&operation)) {
            pass_by(index, passed(claim->claim), trimming);
            continue;
        }
        auto* const finish = std::get_if<FinishOperation>(&operation);
        if (finish == nullptr) {
            drop(index, trimming);
            continue;
        }
        // What the task remembers is true nevertheless.
        const RememberOperation remember{finish->task, finish->memory};
        replace(index, remember);
        const auto [latest, is_first] = trimming.remember.emplace(remember.task, index);
        if (is_first) continue;
        drop(std::min(latest->second, index), trimming);
        latest->second = std::max(latest->second, index);
    }
}

/// A later attempt says that the earlier ones of its run are over.
void Backlog::collapse_attempts(Trimming& trimming) {
    std::unordered_map<engine::RunId, std::uint32_t> latest;
    for (std::size_t index = operations_.size(); index-- > 0;) {
        const auto attempt = attempt_of(operations_[index]);
        if (!attempt) continue;
        const auto& [run, number] = *attempt;
        if (latest.emplace(run, number).first->second == number) continue;
        drop(index, trimming);
        ++trimming.dropped;
    }
}

/// Nothing is lost by these.
void Backlog::collapse_replaced(Trimming& trimming) {
    std::unordered_set<std::string> remembered;
    std::unordered_set<std::string> known;
    std::unordered_set<std::string> forgotten;
    bool use = false;
    std::optional<std::size_t> reserve;
    for (std::size_t index = operations_.size(); index-- > 0;) {
        Operation& operation = operations_[index];
        bool replaced = false;
        if (const auto* finish = std::get_if<FinishOperation>(&operation)) {
            remembered.insert(finish->task);
        } else if (const auto* remember = std::get_if<RememberOperation>(&operation)) {
            replaced = !remembered.insert(remember->task).second;
        } else if (std::holds_alternative<UseOperation>(operation)) {
            replaced = std::exchange(use, true);
        } else if (auto* ids = std::get_if<ReserveIdsOperation>(&operation)) {
            if (reserve) {
                const auto later = std::get<ReserveIdsOperation>(operations_[*reserve]).run;
                ids->run = std::max(ids->run, later);
                drop(*reserve, trimming);
            }
            reserve = index;
        } else if (const auto* forget = std::get_if<ForgetOperation>(&operation)) {
            // One that a know() follows has its effect: what is known then begins anew.
            replaced = !forgotten.insert(forget->task).second;
            known.insert(forget->task);
        } else if (const auto* know = std::get_if<KnowOperation>(&operation)) {
            KnowOperation rest = *know;
            std::erase_if(rest.tasks, [&](const auto& task) { return known.contains(task->name); });
            for (const auto& task : rest.tasks) known.insert(task->name);
            replaced = rest.tasks.empty();
            replace(index, std::move(rest));
        }
        if (replaced) drop(index, trimming);
    }
}

void Backlog::compact() {
    std::deque<Operation> kept;
    std::size_t looked_at = 0;
    for (std::size_t index = 0; index < operations_.size(); ++index) {
        if (std::holds_alternative<NoOperation>(operations_[index])) continue;
        kept.push_back(std::move(operations_[index]));
        if (index < looked_at_) ++looked_at;
    }
    operations_ = std::move(kept);
    looked_at_ = looked_at;
}

}  // namespace bansuri::store
