// SPDX-License-Identifier: MIT
//
// The tasks of one configuration and what is to happen with them: it takes due instants from the
// timeline, applies each task's overlap policy, gives every run a TaskRunner, and decides what a
// run's end means for its task. Reload and shutdown happen here.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/configuration.hpp"
#include "engine/services.hpp"
#include "engine/task_alerts.hpp"
#include "engine/task_runner.hpp"
#include "engine/timeline.hpp"
#include "engine/wakeup.hpp"

namespace bansuri::engine {

/// What the engine keeps of a task, whether it runs or waits.
struct TaskRecord {
    TaskRecord(std::shared_ptr<const Task> definition, Clock& clock, Notifier& notifier)
        : task(std::move(definition)), alerts(clock, notifier) {}

    std::shared_ptr<const Task> task;
    TaskState state = TaskState::pending;
    unsigned successes = 0;
    std::optional<TaskState> last_ended;  ///< what the last run of this definition came to
    bool halted = false;                  ///< STOPPED after a failure: its schedule is over
    bool removed = false;                 ///< no longer configured; dies with its last run
    bool draining = false;                ///< runs of an older definition have yet to end
    /// max-runs is reached.
    bool is_done() const { return task->max_runs && successes >= *task->max_runs; }

    TaskAlerts alerts;
    std::vector<std::unique_ptr<TaskRunner>> runs;
    std::deque<WallTime> waiting;  ///< due instants that start when `runs` is empty
};

/// Lives on the engine's loop.
class Orchestrator final : private Timeline::Listener {
  public:
    /// With `overlap: queue`, instants beyond this are skipped.
    static constexpr std::size_t longest_queue = 100;

    explicit Orchestrator(Services services);

    /// Takes a generation over, whole: what is new starts, what is gone stops, what is the same is
    /// not touched. docs/configuration.md says which changes restart a task.
    void apply(const Configuration& configuration);

    /// No new starts from now on, and every run is asked to end (SIGTERM, SIGKILL after the task's
    /// stop-timeout). Resumes when no run is left. Later apply() calls are ignored.
    boost::asio::awaitable<void> shutdown();
    /// During a shutdown: SIGKILL for what still runs.
    void kill_all();
    /// Resumes when no run is alive and none will come: for configurations of once-tasks.
    boost::asio::awaitable<void> until_idle();

    bool is_shutting_down() const { return shutting_down_; }
    std::size_t runs_alive() const { return runs_alive_; }
    std::optional<TaskState> state_of(const std::string& task) const;

  private:
    void on_due(TaskRecord& record, WallTime instant) override;
    void on_missed(TaskRecord& record, const SkippedInstants& instants) override;

    void add(std::shared_ptr<const Task> task);
    void change(TaskRecord& record, std::shared_ptr<const Task> task);
    void restart(TaskRecord& record, std::shared_ptr<const Task> task);
    void remove(TaskRecord& record);
    void forget(TaskRecord& record);
    void schedule(TaskRecord& record);

    void start_run(TaskRecord& record, WallTime instant);
    void run_ended(TaskRecord& record, TaskRunner& runner, const AttemptResult& result);
    void decide(TaskRecord& record, RunId run, const AttemptResult& result);
    void settle(TaskRecord& record, const std::string& reason = {});
    void start_waiting(TaskRecord& record);

    void queue(TaskRecord& record, WallTime instant, std::size_t limit);
    void skip(TaskRecord& record, WallTime instant, std::string reason);
    void skip_waiting(TaskRecord& record, const std::string& reason);
    void stop_runs(TaskRecord& record, const std::string& reason);
    void enter(TaskRecord& record, TaskState state, std::string reason = {});

    Services services_;
    Timeline timeline_;
    Wakeup run_ended_;
    std::unordered_map<std::string, std::unique_ptr<TaskRecord>> records_;
    std::size_t runs_alive_ = 0;
    std::uint64_t generation_ = 0;
    bool shutting_down_ = false;
};

}  // namespace bansuri::engine
