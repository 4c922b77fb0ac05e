// SPDX-License-Identifier: MIT
//
// Where runs are recorded. The engine commits its intent here before it starts anything, and says
// here how everything ended. store::MemoryRunStore keeps the latest runs in memory; a store on disk
// fulfils the same contract (tests/contract).
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "core/exit_status.hpp"
#include "core/result.hpp"
#include "core/task_state.hpp"
#include "core/time.hpp"

namespace bansuri::engine {

using RunId = std::uint64_t;

/// How one attempt, or the run that it was the last of, ended.
struct AttemptResult {
    Outcome outcome = Outcome::failed;
    std::optional<ExitStatus> status;  ///< nothing: it never started, or nobody saw its end
    std::string reason;                ///< why, in words, when the status does not say it
    Duration elapsed = Duration::zero();
};

/// Instants that came to nothing, all for one reason.
struct SkippedInstants {
    WallTime first;
    WallTime last;
    std::uint64_t count = 1;
    bool at_least = false;  ///< more than `count`: counting stopped
    std::string reason;     ///< "overlap: run 17 is still running"
};

/// All calls from the engine's loop; an implementation does its work elsewhere and comes back.
class RunStore {
  public:
    virtual ~RunStore() = default;

    /// Records that `task` is about to run for `instant` and resumes when that will survive a
    /// crash. The error already_claimed makes a double start of one instant impossible.
    virtual boost::asio::awaitable<Result<RunId>> claim(std::string task, WallTime instant) = 0;

    virtual void attempt_started(RunId run, std::uint32_t attempt, pid_t pid, WallTime at) = 0;
    virtual void attempt_ended(RunId run, std::uint32_t attempt, const AttemptResult& result,
                               WallTime at) = 0;
    /// The last word about a run.
    virtual void finish(RunId run, const AttemptResult& result, WallTime at) = 0;
    virtual void skipped(const std::string& task, const SkippedInstants& instants) = 0;
};

}  // namespace bansuri::engine
