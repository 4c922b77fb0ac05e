// SPDX-License-Identifier: MIT
//
// Where runs are recorded. The engine commits its intent here before it starts anything, and says
// here how everything ended, so that another daemon can go on where this one stopped.
// store::MemoryRunStore keeps the latest runs in memory, store::SqliteRunStore keeps them on disk;
// both fulfil one contract (tests/contract).
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/exit_status.hpp"
#include "core/result.hpp"
#include "core/task.hpp"
#include "core/task_state.hpp"
#include "core/time.hpp"

namespace bansuri::engine {

using RunId = std::uint64_t;

/// One moment at which a task is due.
struct Due {
    WallTime instant{};
    /// The same moment by the clock that a timer and a once-task follow; nothing for cron.
    std::optional<MonoTime> tick = std::nullopt;
    bool operator==(const Due&) const = default;
};

/// Where a timer's grid begins, by both clocks. Of other schedules it means nothing.
struct Grid {
    MonoTime origin{};
    WallTime anchor{};
    bool operator==(const Grid&) const = default;
};

/// Why a run exists.
enum class RunOrigin : std::uint8_t {
    schedule,
    catch_up,  ///< its instant was missed and is made up for
    manual,    ///< somebody asked for it
};

/// How one attempt, or the run that it was the last of, ended.
struct AttemptResult {
    Outcome outcome = Outcome::failed;
    std::optional<ExitStatus> status;  ///< nothing: it never started, or nobody saw its end
    std::string reason;                ///< why, in words, when the status does not say it
    Duration elapsed = Duration::zero();
};

/// Instants that came to nothing, all for one reason.
struct SkippedInstants {
    WallTime first{};
    WallTime last{};
    std::uint64_t count = 1;
    bool at_least = false;                        ///< more than `count`: counting stopped
    std::string reason;                           ///< "overlap: run 17 still ran"
    std::optional<MonoTime> tick = std::nullopt;  ///< of `last`, for a timer
};

/// By what a process is found again, and told from a stranger that got its number.
struct ProcessIdentity {
    pid_t pid = 0;
    std::uint64_t start_time = 0;  ///< clock ticks since boot: field 22 of /proc/PID/stat
    /// Inodes of the pipes of its captured streams; 0: not captured.
    std::uint64_t output_pipe = 0;
    std::uint64_t error_pipe = 0;
    bool operator==(const ProcessIdentity&) const = default;
};

struct AttemptStart {
    ProcessIdentity process;
    WallTime at{};
    MonoTime begun{};  ///< what its time limit counts from
    /// Where in the file of a redirected stream it began to append, in bytes.
    std::uint64_t output_offset = 0;
    std::uint64_t error_offset = 0;
    std::string output_path;  ///< of that file; empty: not redirected
    std::string error_path;   ///< empty, too, if stderr goes where stdout goes
};

struct AttemptEnd {
    AttemptResult result;
    WallTime at{};
    std::optional<MonoTime> retry_at;  ///< another attempt follows then
    std::vector<pid_t> survivors;      ///< left alive on purpose
    std::uint64_t output_bytes = 0;    ///< captured of both streams, also what was not kept
};

/// Whether a task is well, as far as it was told. Zero times: never.
struct TaskWatch {
    WallTime expected_since{};  ///< its successes count from then on, as if it had had one
    WallTime last_success{};
    WallTime incident_since{};  ///< of an incident that lasts: when it was first told
    WallTime incident_told{};   ///< the latest message of it
    bool overdue_told = false;  ///< no success came in the time in which one is expected
    bool operator==(const TaskWatch&) const = default;
};

/// What is known of a task beside its runs. All but `watch` is of one life of Bansuri, and begins
/// anew with the next.
struct TaskMemory {
    unsigned successes = 0;               ///< of this definition
    bool halted = false;                  ///< STOPPED after a failure
    std::optional<TaskState> last_ended;  ///< what the last run of this definition came to
    unsigned failed_in_a_row = 0;
    bool failure_told = false;
    TaskWatch watch;
    bool operator==(const TaskMemory&) const = default;
};

/// The latest run of a task that ended.
struct LastRun {
    RunId id = 0;
    Outcome outcome = Outcome::success;
    WallTime ended{};
    bool operator==(const LastRun&) const = default;
};

/// The intent to run. `task` is shared because the store reads its schedule's text.
struct Claim {
    std::shared_ptr<const Task> task;
    Due due;
    Grid grid;
    RunOrigin origin = RunOrigin::schedule;
    WallTime at{};
};

/// A run without an end, as an earlier daemon left it.
struct UnfinishedRun {
    struct LastAttempt {
        std::uint32_t number = 1;
        std::optional<AttemptStart> start;  ///< nothing: it never started
        std::optional<AttemptEnd> end;      ///< nothing: no end is recorded
    };
    RunId id = 0;
    std::string task;
    Due due;
    RunOrigin origin = RunOrigin::schedule;
    std::optional<LastAttempt> last;  ///< nothing: claimed, and no attempt is recorded
    bool same_session = false;  ///< claimed under this keeper: what it does not hold never ran
    bool same_boot = false;     ///< its MonoTimes and pids mean something
};

/// How far a task had come.
struct TaskProgress {
    std::string task;
    std::string schedule;  ///< schedule_text() of the definition that all this is about
    WallTime since{};      ///< since when that is followed
    std::optional<WallTime>
        accounted;                 ///< the last instant with a run, a place in the queue or a skip
    std::optional<MonoTime> tick;  ///< the same of a timer or a once-task
    Grid grid;
    TaskMemory memory;
    std::vector<Due> waiting;  ///< due, and not started; oldest first
    std::optional<LastRun> last;
};

/// All that an earlier daemon left.
struct Recovery {
    /// The keeper is the same. Otherwise ticks, grids, memory and waiting instants are of a life of
    /// Bansuri that is over, and are left out.
    bool same_session = false;
    RunId last_id = 0;  ///< the highest that any record has
    std::vector<UnfinishedRun> runs;
    std::vector<TaskProgress> tasks;
};

/// All calls from the engine's loop; an implementation does its work elsewhere and comes back.
/// What is told is recorded in the order in which it was told.
class RunStore {
  public:
    virtual ~RunStore() = default;

    /// What is left of earlier daemons. Called once, before anything else.
    virtual boost::asio::awaitable<Recovery> recover() = 0;
    /// No new run gets an id up to `id`: somebody holds attempts of such runs.
    virtual void reserve_ids(RunId id) = 0;

    /// These tasks are known from `at` on: instants after that which neither run nor are skipped
    /// were missed. A task whose schedule is recorded as it is keeps what it has.
    virtual void know(std::vector<std::shared_ptr<const Task>> tasks, WallTime at) = 0;
    /// The task is not followed any more, and nothing of it waits: what know() says next is news.
    /// Its runs and what it remembers stay.
    virtual void forget(const std::string& task) = 0;

    /// Records that the task is about to run for an instant and resumes when that will survive a
    /// crash of the daemon. The instant no longer waits. The error already_claimed makes a double
    /// start of one instant impossible.
    virtual boost::asio::awaitable<Result<RunId>> claim(Claim claim) = 0;
    /// The same for a run that the keeper holds and the store has lost: under the id that it has.
    virtual void reclaim(RunId run, Claim claim) = 0;
    /// An instant that is due and will be claimed or skipped later.
    virtual void waits(std::shared_ptr<const Task> task, Due due, Grid grid) = 0;
    virtual void skipped(std::shared_ptr<const Task> task, const SkippedInstants& instants,
                         Grid grid, WallTime at) = 0;

    virtual void attempt_started(RunId run, std::uint32_t attempt, const AttemptStart& start) = 0;
    /// `until_committed` is let go of, on the loop, when the record will survive a crash of the
    /// daemon (or can no longer be made): so long the keeper must not forget the attempt.
    virtual void attempt_ended(RunId run, std::uint32_t attempt, const AttemptEnd& end,
                               std::shared_ptr<void> until_committed) = 0;
    /// The last word about a run, and what its task remembers from now on, in one commit.
    virtual void finish(RunId run, const std::string& task, const AttemptResult& result,
                        WallTime at, const TaskMemory& memory) = 0;
    /// What a task remembers changed without a run: its definition did.
    virtual void remember(const std::string& task, const TaskMemory& memory) = 0;
};

}  // namespace bansuri::engine
