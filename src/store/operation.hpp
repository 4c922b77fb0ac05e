// SPDX-License-Identifier: MIT
//
// What the engine told the store and is not written yet: each call of engine::RunStore as a value.
#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/configuration.hpp"
#include "engine/run_history.hpp"
#include "engine/run_store.hpp"

namespace bansuri::store {

/// Resumes the one who claimed; called on the loop, once.
using ClaimAnswer = std::function<void(Result<engine::RunId>)>;

struct ClaimOperation {
    engine::Claim claim;
    ClaimAnswer answer;     ///< empty: answered already
    engine::RunId run = 0;  ///< 0: none was given yet
    bool reclaimed = false;
    bool refused = false;
};
struct WaitsOperation {
    std::shared_ptr<const Task> task;
    engine::Due due;
    engine::Grid grid;
};
struct SkippedOperation {
    std::shared_ptr<const Task> task;
    engine::SkippedInstants instants;
    engine::Grid grid;
    WallTime at;
    engine::RunId record = 0;
};
struct AttemptStartedOperation {
    engine::RunId run = 0;
    std::uint32_t attempt = 1;
    engine::AttemptStart start;
};
struct AttemptEndedOperation {
    engine::RunId run = 0;
    std::uint32_t attempt = 1;
    engine::AttemptEnd end;
    std::shared_ptr<void> until_committed;
};
struct FinishOperation {
    engine::RunId run = 0;
    std::string task;
    engine::AttemptResult result;
    WallTime at;
    engine::TaskMemory memory;
};
/// What is left of the claims and skips of a task that had to be dropped: none of their instants is
/// to start again.
struct PassedOperation {
    std::shared_ptr<const Task> task;
    engine::Grid grid;
    WallTime first;
    WallTime last;
    std::optional<engine::Due> accounted;  ///< nothing: all were runs that somebody asked for
};
struct RememberOperation {
    std::string task;
    engine::TaskMemory memory;
};
struct KnowOperation {
    std::vector<std::shared_ptr<const Task>> tasks;
    WallTime at;
};
struct ForgetOperation {
    std::string task;
};
struct ReserveIdsOperation {
    engine::RunId run = 0;
};
struct EventOperation {
    WallTime at;
    std::string kind;
    std::string text;
};
struct SessionOperation {
    engine::RunId after = 0;  ///< the last id of those before it
    WallTime at;
};
struct UseOperation {
    Retention retention;
    Durability durability = Durability::normal;
};
struct FlushOperation {
    std::shared_ptr<std::promise<bool>> written;  ///< false: it never will be
};
/// Was dropped, or needs no writing.
using NoOperation = std::monostate;

using Operation =
    std::variant<NoOperation, ClaimOperation, WaitsOperation, SkippedOperation,
                 AttemptStartedOperation, AttemptEndedOperation, FinishOperation, PassedOperation,
                 RememberOperation, KnowOperation, ForgetOperation, ReserveIdsOperation,
                 EventOperation, SessionOperation, UseOperation, FlushOperation>;

}  // namespace bansuri::store
