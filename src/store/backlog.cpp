// SPDX-License-Identifier: MIT
#include "store/backlog.hpp"

#include <algorithm>

namespace bansuri::store {
namespace {

std::string key(const std::string& task, WallTime instant) {
    return task + '\0' + std::to_string(instant.time_since_epoch().count());
}

bool may_drop(const Operation& operation, bool claims) {
    if (std::holds_alternative<FlushOperation>(operation)) return false;
    if (std::holds_alternative<SessionOperation>(operation)) return false;
    const auto* const claim = std::get_if<ClaimOperation>(&operation);
    return claim == nullptr || (claims && !claim->answer);
}

}  // namespace

// A rough one: what matters is that it grows with what is kept.
std::size_t Backlog::cost(const Operation& operation) {
    std::size_t bytes = sizeof(Operation) + 64;
    if (const auto* skipped = std::get_if<SkippedOperation>(&operation)) {
        bytes += skipped->instants.reason.size();
    } else if (const auto* ended = std::get_if<AttemptEndedOperation>(&operation)) {
        bytes += ended->end.result.reason.size() + ended->end.survivors.size() * sizeof(pid_t);
    } else if (const auto* finished = std::get_if<FinishOperation>(&operation)) {
        bytes += finished->result.reason.size() + finished->task.size();
    } else if (const auto* event = std::get_if<EventOperation>(&operation)) {
        bytes += event->kind.size() + event->text.size();
    } else if (const auto* know = std::get_if<KnowOperation>(&operation)) {
        bytes += know->tasks.size() * sizeof(know->tasks.front());
    }
    return bytes;
}

void Backlog::push(Operation operation) {
    bytes_ += cost(operation);
    const auto* const ended = std::get_if<AttemptEndedOperation>(&operation);
    if (ended != nullptr && ended->until_committed) ++held_;
    operations_.push_back(std::move(operation));
}

void Backlog::push_front(Operation operation) {
    bytes_ += cost(operation);
    operations_.push_front(std::move(operation));
    if (looked_at_ > 0) ++looked_at_;
}

void Backlog::pop(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto* const ended = std::get_if<AttemptEndedOperation>(&operations_.front());
        if (ended != nullptr && ended->until_committed) --held_;
        bytes_ -= std::min(bytes_, cost(operations_.front()));
        operations_.pop_front();
    }
    looked_at_ -= std::min(looked_at_, count);
    if (operations_.empty()) nothing_looked_at();
}

void Backlog::nothing_looked_at() {
    looked_at_ = 0;
    instants_.clear();
    if (operations_.empty()) bytes_ = held_ = 0;
}

void Backlog::look_through(const std::function<void(ClaimOperation&, bool)>& answer,
                           const std::function<engine::RunId()>& number) {
    for (; looked_at_ < operations_.size(); ++looked_at_) {
        Operation& operation = operations_[looked_at_];
        if (auto* const skipped = std::get_if<SkippedOperation>(&operation)) {
            if (skipped->record == 0) skipped->record = number();
            instants_.insert(key(skipped->task->name, skipped->instants.first));
        }
        auto* const claim = std::get_if<ClaimOperation>(&operation);
        if (claim == nullptr) continue;
        const std::string instant = key(claim->claim.task->name, claim->claim.due.instant);
        if (claim->answer) answer(*claim, instants_.contains(instant));
        if (claim->refused) {
            operation = NoOperation{};
        } else {
            instants_.insert(instant);
        }
    }
}

void Backlog::let_go(Operation& operation, Tokens& tokens) {
    auto* const ended = std::get_if<AttemptEndedOperation>(&operation);
    if (ended == nullptr || !ended->until_committed) return;
    tokens.push_back(std::exchange(ended->until_committed, nullptr));
    --held_;
}

std::size_t Backlog::trim(const SqliteOptions::Bounds& bounds, Tokens& tokens) {
    // A tenth more than needed, so that not every operation that comes has the whole walked over.
    if (held_ > bounds.tokens) {
        for (Operation& operation : operations_) {
            if (held_ <= bounds.tokens - bounds.tokens / 10) break;
            let_go(operation, tokens);
        }
    }
    std::size_t dropped = 0;
    for (const bool claims : {false, true}) {
        if (operations_.size() <= bounds.operations && bytes_ <= bounds.bytes) break;
        const std::size_t operations = bounds.operations - bounds.operations / 10;
        const std::size_t bytes = bounds.bytes - bounds.bytes / 10;
        std::deque<Operation> kept;
        std::size_t left = operations_.size();
        std::size_t index = 0;
        std::size_t looked_at = 0;
        for (Operation& operation : operations_) {
            const bool was_looked_at = index++ < looked_at_;
            const bool enough = left <= operations && bytes_ <= bytes;
            if (enough || !may_drop(operation, claims)) {
                kept.push_back(std::move(operation));
                if (was_looked_at) ++looked_at;
                continue;
            }
            if (!std::holds_alternative<NoOperation>(operation)) ++dropped;
            bytes_ -= std::min(bytes_, cost(operation));
            let_go(operation, tokens);
            --left;
        }
        operations_ = std::move(kept);
        looked_at_ = looked_at;
    }
    return dropped;
}

}  // namespace bansuri::store
