// SPDX-License-Identifier: MIT
//
// Reading what a RunStore recorded. Apart from it, because readers have threads of their own and
// must never make a start wait.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/run_store.hpp"

namespace bansuri::engine {

/// A run, or instants that were skipped: then the outcome is SKIPPED and there is no attempt.
struct RunRecord {
    RunId id = 0;
    std::string task;
    WallTime instant{};
    RunOrigin origin = RunOrigin::schedule;
    WallTime claimed_at{};
    std::optional<WallTime> ended_at;
    std::optional<AttemptResult> result;  ///< nothing while it is alive
    std::uint32_t attempts = 0;
    // Of SKIPPED: `instant` is the first.
    WallTime last_instant{};
    std::uint64_t skipped_count = 0;
    bool at_least = false;
};

/// A stream that a task has sent to a file of its user's.
struct RedirectedStream {
    std::string path;
    std::uint64_t begin = 0;           ///< where in the file the attempt began to append, in bytes
    std::optional<std::uint64_t> end;  ///< where the task's next attempt did; nothing: its end
};

struct AttemptRecord {
    RunId run = 0;
    std::uint32_t number = 1;
    pid_t pid = 0;  ///< 0: it never started
    std::optional<WallTime> started_at;
    std::optional<WallTime> ended_at;
    std::optional<AttemptResult> result;
    std::vector<pid_t> survivors;
    std::uint64_t output_bytes = 0;  ///< captured in all; 0 while it is alive
    std::string output_path;         ///< of the file that stdout was redirected to; or empty
    std::string error_path;
};

struct HistoryQuery {
    std::optional<std::string> task;
    std::optional<Outcome> outcome;
    std::optional<RunId> before;  ///< only older records: paging
    std::size_t limit = 20;
    bool without_skips = false;  ///< only runs, no instants that were skipped
};

/// A piece of captured output. Positions count what was captured, in order of arrival; of a
/// redirected stream, what the attempt has appended.
struct OutputPiece {
    struct Span {
        bool is_error = false;  ///< of stderr
        std::string bytes;
    };
    std::vector<Span> spans;
    std::uint64_t begin = 0;    ///< position of the first byte
    std::uint64_t end = 0;      ///< ask from here for what follows
    std::uint64_t missing = 0;  ///< bytes before `begin` that were asked for and not kept
    bool complete = false;      ///< the attempt has ended and `end` is its end
    std::string problem;        ///< why a redirected stream cannot be shown
};

/// Of which stream: a redirected one, or what was captured (of both, unless that is one).
enum class OutputChoice { captured_or_stdout, standard_output, standard_error };

/// What went wrong with the daemon itself, and other news that are not a task's.
struct EventRecord {
    std::uint64_t id = 0;
    WallTime at{};
    std::string kind;  ///< "daemon-started", "store-moved-aside" ...
    std::string text;
};

/// Every call may block on the disk, and may throw std::runtime_error when the store cannot be
/// read. For one thread; not the engine's.
class RunHistory {
  public:
    virtual ~RunHistory() = default;
    /// Newest first.
    virtual std::vector<RunRecord> runs(const HistoryQuery& query) = 0;
    virtual std::optional<RunRecord> run(RunId id) = 0;
    /// Oldest first; only the latest of a run that has very many.
    virtual std::vector<AttemptRecord> attempts(RunId id) = 0;
    /// At most `limit` bytes from `position` on; nothing if there is no such attempt. Positions
    /// and bytes are the same whichever stream is chosen, if it was captured.
    virtual std::optional<OutputPiece> output(RunId id, std::uint32_t attempt, OutputChoice choice,
                                              std::uint64_t position, std::size_t limit) = 0;
    virtual std::vector<EventRecord> events(std::size_t limit) = 0;
};

}  // namespace bansuri::engine
