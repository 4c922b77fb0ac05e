// SPDX-License-Identifier: MIT
//
// The one ordered queue of due instants. It asks each schedule what comes next, sleeps on two
// alarms (timers follow monotonic time, cron follows the wall clock), and says what is due. It
// knows nothing of runs.
#pragma once

#include <optional>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "core/schedule.hpp"
#include "engine/clock.hpp"
#include "engine/covered_time.hpp"
#include "engine/delayed_instants.hpp"
#include "engine/event_bus.hpp"

namespace bansuri::engine {

struct TaskRecord;

/// Lives on the engine's loop. Every instant is told exactly once: due, or missed with a reason.
class Timeline {
  public:
    class Listener {
      public:
        virtual ~Listener() = default;
        /// An instant of the task has come, or is made up for. The timeline may be changed from
        /// within.
        virtual void on_due(TaskRecord& task, Due due, RunOrigin origin) = 0;
        /// Instants of the task lie behind and will not run.
        virtual void on_missed(TaskRecord& task, const SkippedInstants& instants) = 0;
        /// The first instant of a timer has come and is delayed. Of later ones the grid is known to
        /// whoever comes next; of this one nothing is recorded yet.
        virtual void on_first_delayed(TaskRecord& task, const Due& due) = 0;
    };

    Timeline(Clock& clock, const EventBus& events, Listener& listener);

    /// Once and Timer are due at once, cron at its next instant. `definition` must live until
    /// change() or remove().
    void add(TaskRecord& task, const Task& definition);
    /// Goes on where an earlier daemon stopped: what came due since then is due or missed as soon
    /// as fire_due() is called. A once-task that has had its run is not due again.
    void restore(TaskRecord& task, const Task& definition, const TaskProgress& progress);
    /// The definition was replaced while the task was known: a timer keeps its grid, a cron
    /// schedule goes on from now, a once-task is not due again. A task that was not in the
    /// timeline is added.
    void change(TaskRecord& task, const Task& definition);
    void remove(TaskRecord& task);
    bool contains(const TaskRecord& task) const {
        return find(task) != nullptr || delayed_.find(task) != nullptr;
    }
    /// An instant that came and waits for its delay to end, which it now does no more: it is to be
    /// accounted for. remove() leaves it.
    std::optional<Due> take_delayed(const TaskRecord& task);
    /// An instant that was delayed under an earlier daemon; false: its delay is over.
    bool delay_again(TaskRecord& task, const Task& definition, const Due& due);
    /// The instant that the task starts for next, by the wall clock as it goes now; nothing if it
    /// does not. One that is delayed lies behind.
    struct Next {
        WallTime instant;
        WallTime start;  ///< later than the instant by its delay
    };
    std::optional<Next> next_of(const TaskRecord& task) const;
    /// Of a timer; otherwise it means nothing.
    Grid grid_of(const TaskRecord& task) const;
    /// Tells what has become due by now without waiting for the alarm.
    void fire_due();
    bool empty() const { return entries_.empty() && delayed_.empty(); }
    /// Nothing is due any more. Delayed instants of timers are missed for the reason given; those
    /// of cron are not handled, and left to the next Bansuri.
    void clear(const std::string& reason);

  private:
    struct Entry {
        const Task* definition = nullptr;
        std::uint64_t order = 0;  ///< tasks due together start in the order they were added
        Grid grid{};              ///< Timer
        MonoTime mono_due{};      ///< Once and Timer
        WallTime wall_due{};      ///< cron
        bool was_down = false;    ///< cron: what is due may have become so while nobody was there

        const Schedule& schedule() const { return definition->schedule; }
    };
    template <class Time>
    using Queue = std::set<std::tuple<Time, std::uint64_t, TaskRecord*>>;

    const Entry* find(const TaskRecord& task) const;
    void place(TaskRecord& task, Entry entry);
    void place_mono(TaskRecord& task, const Entry& entry);
    void place_wall(TaskRecord& task, const Entry& entry);
    void unqueue(TaskRecord& task, const Entry& entry);
    void arm();
    void come(TaskRecord& task, const Due& due, RunOrigin origin, Duration delay);
    void start_delayed();
    void fire_mono();
    void fire_timer(TaskRecord& task, Entry& entry, MonoTime now, WallTime wall);
    void fire_wall();
    void move_anchors(Duration by);
    void step(Duration by, WallTime expected);
    /// Wall time as it would be had nobody set the clock since it was last looked at.
    WallTime expected_wall() const { return last_wall_ + (clock_.mono_now() - last_mono_); }
    void look_at_clock();
    std::optional<WallTime> next_uncovered(const CronSchedule& schedule, WallTime from) const;

    Clock& clock_;
    const EventBus& events_;
    Listener& listener_;
    std::unordered_map<TaskRecord*, Entry> entries_;
    std::uint64_t added_ = 0;
    std::uint64_t anchors_moved_ = 0;
    Queue<MonoTime> mono_;
    Queue<WallTime> wall_;
    DelayedInstants delayed_;
    std::unique_ptr<Alarm> mono_alarm_;
    std::unique_ptr<Alarm> wall_alarm_;
    std::optional<MonoTime> mono_armed_;
    std::optional<WallTime> wall_armed_;
    MonoTime last_mono_;
    WallTime last_wall_;
    CoveredTime covered_;
    std::vector<Stretch> stepped_over_;  ///< by a step forward that is not settled yet
};

}  // namespace bansuri::engine
