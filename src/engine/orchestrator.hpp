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
#include "engine/expectations.hpp"
#include "engine/inheritance.hpp"
#include "engine/services.hpp"
#include "engine/status.hpp"
#include "engine/task_record.hpp"
#include "engine/timeline.hpp"
#include "engine/wakeup.hpp"

namespace bansuri::engine {

/// Lives on the engine's loop.
class Orchestrator final : private Timeline::Listener {
  public:
    /// With `overlap: queue`, instants beyond this are skipped.
    static constexpr std::size_t longest_queue = 100;
    static constexpr Duration time_to_die = std::chrono::seconds(10);

    explicit Orchestrator(Services services);

    /// Before the first apply(): what earlier daemons left, of which each configured task takes its
    /// share.
    void inherit(Inheritance inheritance);
    /// What runs of tasks that have not been configured by then.
    enum class Leftovers { end, let_end };
    void close_inheritance(Leftovers leftovers);

    /// Takes a generation over, whole: what is new starts, what is gone stops, what is the same is
    /// not touched. docs/configuration.md says which changes restart a task.
    void apply(const Configuration& configuration);

    /// No new starts from now on, and every run is asked to end (SIGTERM, SIGKILL after the task's
    /// stop-timeout). Resumes when no run is left, or the last SIGKILL was time_to_die ago: then
    /// the records of those that live stay open. Later apply() calls are ignored.
    boost::asio::awaitable<void> shutdown();
    /// During a shutdown: SIGKILL for what still runs.
    void kill_all();
    /// Resumes when no run is alive and none will come: for configurations of once-tasks.
    boost::asio::awaitable<void> until_idle();

    bool is_shutting_down() const { return shutting_down_; }
    std::size_t runs_alive() const { return runs_alive_; }
    std::optional<TaskState> state_of(const std::string& task) const;
    std::uint64_t generation() const { return generation_; }
    std::size_t task_count() const { return records_.size(); }
    /// Of these, or of all if none is named, in the order of the configuration. Names that are not
    /// known are left out.
    std::vector<TaskStatus> status(const std::vector<std::string>& names) const;

  private:
    void on_due(TaskRecord& record, Due due, RunOrigin origin) override;
    void on_missed(TaskRecord& record, const SkippedInstants& instants) override;
    void on_first_delayed(TaskRecord& record, const Due& due) override;

    void add(std::shared_ptr<const Task> task);
    void change(TaskRecord& record, std::shared_ptr<const Task> task);
    void restart(TaskRecord& record, std::shared_ptr<const Task> task);
    void remove(TaskRecord& record);
    void forget(TaskRecord& record);
    void schedule(TaskRecord& record);
    void follow_anew(TaskRecord& record);
    void stop_following(TaskRecord& record, const std::string& why);
    std::vector<std::shared_ptr<const Task>> followed() const;

    void take_share(TaskRecord& record, Inheritance::Share share);
    void resume(TaskRecord& record, InheritedRun run);

    void start_run(TaskRecord& record, Due due, RunOrigin origin);
    void spawn(TaskRecord& record, std::unique_ptr<TaskRunner> runner);
    std::unique_ptr<TaskRunner> make_runner(TaskRecord& record, Due due, RunOrigin origin);
    void run_ended(TaskRecord& record, TaskRunner& runner, const AttemptResult& result);
    void decide(TaskRecord& record, const TaskRunner& run, const AttemptResult& result);
    void settle(TaskRecord& record, const std::string& reason = {});
    void start_waiting(TaskRecord& record);

    void queue(TaskRecord& record, Due due, RunOrigin origin, std::size_t limit);
    void skip(TaskRecord& record, Due due, std::string reason);
    void skip_waiting(TaskRecord& record, const std::string& reason);
    void skip_all(TaskRecord& record, const std::string& reason);
    void stop_runs(TaskRecord& record, const std::string& reason);
    void give_up_at(MonoTime when);
    void enter(TaskRecord& record, TaskState state, std::string reason = {});

    Services services_;
    AlertDesk desk_;
    Timeline timeline_;
    Expectations expectations_;
    Wakeup run_ended_;
    std::unordered_map<std::string, std::unique_ptr<TaskRecord>> records_;
    std::vector<std::shared_ptr<const Task>> configured_;  ///< in the order of the file
    std::optional<Inheritance> inheritance_;
    TimeZone zone_;
    std::size_t runs_alive_ = 0;
    std::uint64_t generation_ = 0;
    bool shutting_down_ = false;
    MonoTime shutdown_end_ = MonoTime::max();
    std::unique_ptr<Alarm> shutdown_alarm_;
};

}  // namespace bansuri::engine
