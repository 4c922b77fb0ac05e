// SPDX-License-Identifier: MIT
#include "store/backlog.hpp"

#include <algorithm>
#include <utility>

namespace bansuri::store {
namespace {

std::string key(const std::string& task, WallTime instant) {
    return task + '\0' + std::to_string(instant.time_since_epoch().count());
}

/// Of what is going to be a run or a skip.
std::optional<std::string> key(const Operation& operation) {
    if (const auto* skipped = std::get_if<SkippedOperation>(&operation)) {
        return key(skipped->task->name, skipped->instants.first);
    }
    const auto* const claim = std::get_if<ClaimOperation>(&operation);
    if (claim == nullptr || claim->refused) return std::nullopt;
    return key(claim->claim.task->name, claim->claim.due.instant);
}

}  // namespace

// A rough one: what matters is that it grows with what is kept.
std::size_t Backlog::cost(const Operation& operation) {
    if (std::holds_alternative<NoOperation>(operation)) return 0;
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
    if (token_of(operation) != nullptr) ++held_;
    operations_.push_back(std::move(operation));
}

void Backlog::push_session(SessionOperation session) {
    std::size_t place = 0;
    while (place < operations_.size() &&
           !std::holds_alternative<SessionOperation>(operations_[place])) {
        ++place;
    }
    if (place < operations_.size()) replace(place, NoOperation{});
    if (!operations_.empty() && std::holds_alternative<NoOperation>(operations_.front())) {
        return replace(0, session);
    }
    Operation operation = session;
    bytes_ += cost(operation);
    operations_.push_front(std::move(operation));
    if (looked_at_ > 0) ++looked_at_;
}

void Backlog::replace(std::size_t index, Operation by) {
    bytes_ -= std::min(bytes_, cost(operations_[index]));
    bytes_ += cost(by);
    operations_[index] = std::move(by);
}

std::shared_ptr<void>* Backlog::token_of(Operation& operation) {
    auto* const ended = std::get_if<AttemptEndedOperation>(&operation);
    return ended != nullptr && ended->until_committed ? &ended->until_committed : nullptr;
}

void Backlog::pop(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (token_of(operations_.front()) != nullptr) --held_;
        bytes_ -= std::min(bytes_, cost(operations_.front()));
        operations_.pop_front();
    }
    looked_at_ -= std::min(looked_at_, count);
    if (operations_.empty()) nothing_looked_at();
}

void Backlog::nothing_looked_at() {
    looked_at_ = 0;
    instants_.clear();
    operations_kept_ = bytes_kept_ = 0;
    if (operations_.empty()) bytes_ = held_ = 0;
}

void Backlog::look_through(const std::function<void(ClaimOperation&, bool)>& answer,
                           const std::function<engine::RunId()>& number) {
    for (; looked_at_ < operations_.size(); ++looked_at_) {
        Operation& operation = operations_[looked_at_];
        const auto instant = key(operation);
        if (!instant) continue;
        if (auto* const skipped = std::get_if<SkippedOperation>(&operation)) {
            if (skipped->record == 0) skipped->record = number();
        } else {
            auto& claim = std::get<ClaimOperation>(operation);
            if (claim.answer) answer(claim, instants_.contains(*instant));
            if (claim.refused) {
                replace(looked_at_, NoOperation{});
                continue;
            }
        }
        instants_.insert(*instant);
    }
}

void Backlog::let_go(Operation& operation, Tokens& tokens) {
    auto* const token = token_of(operation);
    if (token == nullptr) return;
    tokens.push_back(std::exchange(*token, nullptr));
    --held_;
}

// They are of use only against a claim of an instant that was claimed before, which the engine
// does not make: those of what was written or dropped stay for a while, and no longer.
void Backlog::bound_instants(std::size_t bound) {
    if (instants_.size() <= operations_.size() + bound) return;
    instants_.clear();
    for (std::size_t index = 0; index < looked_at_; ++index) {
        if (auto instant = key(operations_[index])) instants_.insert(*std::move(instant));
    }
}

}  // namespace bansuri::store
