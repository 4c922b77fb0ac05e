// SPDX-License-Identifier: MIT
#include "engine/timeline.hpp"

#include <algorithm>
#include <utility>

#include "core/jitter.hpp"
#include "engine/missed.hpp"

namespace bansuri::engine {
namespace {

// A step smaller than this is the kernel's own slewing or the time between two readings.
constexpr Duration step_worth_telling = std::chrono::milliseconds(500);

template <class Queue>
std::vector<TaskRecord*> take_due(Queue& queue, typename Queue::value_type until) {
    std::vector<TaskRecord*> due;
    const auto end = queue.upper_bound(until);
    for (auto at = queue.begin(); at != end; ++at) due.push_back(std::get<2>(*at));
    queue.erase(queue.begin(), end);
    return due;
}

}  // namespace

Timeline::Timeline(Clock& clock, const EventBus& events, Listener& listener)
    : clock_(clock),
      events_(events),
      listener_(listener),
      delayed_(clock, [this] { fire_due(); }),
      last_mono_(clock.mono_now()),
      last_wall_(clock.wall_now()),
      covered_(last_wall_) {
    clock_.on_wall_clock_set([this] { look_at_clock(); });
}

void Timeline::add(TaskRecord& task, const Task& definition) {
    look_at_clock();
    place(task, Entry{&definition, added_++});
}

void Timeline::restore(TaskRecord& task, const Task& definition, const TaskProgress& progress) {
    look_at_clock();
    Entry entry{&definition, added_++};
    if (const auto* cron = std::get_if<CronSchedule>(&definition.schedule)) {
        // What had been accounted for when the clock was set back comes again without being due
        // again; but a clock that had been wrong by more than cron(8) bears with is forgotten.
        WallTime from = std::max(progress.since, progress.accounted.value_or(progress.since));
        if (from > last_wall_ + fixed_time_limit) from = last_wall_;
        const auto next = cron->next_after(std::chrono::floor<std::chrono::seconds>(from));
        if (!next) return;
        entry.wall_due = *next;
        entry.was_down = *next <= last_wall_;
        return place_wall(task, entry);
    }
    if (!progress.tick) return place(task, entry);
    const auto* timer = std::get_if<Timer>(&definition.schedule);
    if (timer == nullptr) return;
    entry.grid = progress.grid;
    entry.mono_due = timer->next_after(*progress.tick, progress.grid.origin);
    place_mono(task, entry);
}

void Timeline::change(TaskRecord& task, const Task& definition) {
    const auto known = entries_.find(&task);
    if (known == entries_.end()) {
        if (!std::holds_alternative<Once>(definition.schedule)) add(task, definition);
        return;
    }
    if (known->second.schedule() == definition.schedule) {
        known->second.definition = &definition;  // the old one is about to die
        return;
    }
    const Entry before = known->second;
    const bool was_timer = std::holds_alternative<Timer>(before.schedule());
    remove(task);
    if (std::holds_alternative<Once>(definition.schedule)) return;
    look_at_clock();
    Entry entry{&definition, before.order};
    const auto* timer = std::get_if<Timer>(&definition.schedule);
    if (timer == nullptr || !was_timer) return place(task, entry);
    entry.grid = before.grid;
    entry.mono_due = timer->next_after(clock_.mono_now(), before.grid.origin);
    place_mono(task, entry);
}

void Timeline::place(TaskRecord& task, Entry entry) {
    if (const auto* cron = std::get_if<CronSchedule>(&entry.schedule())) {
        const auto next = next_uncovered(*cron, last_wall_);
        if (!next) return;
        entry.wall_due = *next;
        return place_wall(task, entry);
    }
    entry.mono_due = clock_.mono_now();
    entry.grid = {entry.mono_due, clock_.wall_now()};
    place_mono(task, entry);
}

void Timeline::place_mono(TaskRecord& task, const Entry& entry) {
    mono_.emplace(entry.mono_due, entry.order, &task);
    entries_.emplace(&task, entry);
    arm();
}

void Timeline::place_wall(TaskRecord& task, const Entry& entry) {
    wall_.emplace(entry.wall_due, entry.order, &task);
    entries_.emplace(&task, entry);
    arm();
}

const Timeline::Entry* Timeline::find(const TaskRecord& task) const {
    const auto known = entries_.find(const_cast<TaskRecord*>(&task));
    return known == entries_.end() ? nullptr : &known->second;
}

std::optional<Due> Timeline::take_delayed(const TaskRecord& task) {
    const auto delayed = delayed_.take(task);
    if (!delayed) return std::nullopt;
    return delayed->due;
}

std::optional<Timeline::Next> Timeline::next_of(const TaskRecord& task) const {
    if (const auto* delayed = delayed_.find(task)) {
        return Next{delayed->due.instant, clock_.wall_now() + (delayed->start - clock_.mono_now())};
    }
    const Entry* const entry = find(task);
    if (entry == nullptr) return std::nullopt;
    if (std::holds_alternative<CronSchedule>(entry->schedule())) {
        if (entry->wall_due == WallTime::max()) return std::nullopt;
        return Next{entry->wall_due,
                    entry->wall_due + start_delay(*entry->definition, entry->wall_due)};
    }
    const WallTime due = clock_.wall_now() + (entry->mono_due - clock_.mono_now());
    const WallTime name = entry->grid.anchor + (entry->mono_due - entry->grid.origin);
    return Next{due, due + start_delay(*entry->definition, name)};
}

Grid Timeline::grid_of(const TaskRecord& task) const {
    const Entry* const entry = find(task);
    return entry == nullptr ? Grid{} : entry->grid;
}

void Timeline::remove(TaskRecord& task) {
    const auto known = entries_.find(&task);
    if (known == entries_.end()) return;
    unqueue(task, known->second);
    entries_.erase(known);
    arm();
}

void Timeline::clear(const std::string& reason) {
    while (const auto delayed = delayed_.take_due(MonoTime::max())) {
        const Due& due = delayed->due;
        if (!due.tick) continue;
        listener_.on_missed(*delayed->task, {due.instant, due.instant, 1, false, reason, due.tick});
    }
    entries_.clear();
    mono_.clear();
    wall_.clear();
    arm();
}

void Timeline::unqueue(TaskRecord& task, const Entry& entry) {
    mono_.erase({entry.mono_due, entry.order, &task});
    wall_.erase({entry.wall_due, entry.order, &task});
}

void Timeline::arm() {
    const auto first = [](const auto& queue) { return std::get<0>(*queue.begin()); };
    if (mono_.empty()) {
        mono_alarm_.reset();
        mono_armed_.reset();
    } else if (mono_armed_ != first(mono_)) {
        mono_armed_ = first(mono_);
        mono_alarm_ = clock_.at(*mono_armed_, [this] { fire_due(); });
    }
    if (wall_.empty()) {
        wall_alarm_.reset();
        wall_armed_.reset();
    } else if (wall_armed_ != first(wall_)) {
        wall_armed_ = first(wall_);
        wall_alarm_ = clock_.at(*wall_armed_, [this] { fire_due(); });
    }
}

void Timeline::fire_due() {
    mono_armed_.reset();
    wall_armed_.reset();
    look_at_clock();
    start_delayed();
    fire_mono();
    fire_wall();
    arm();
}

void Timeline::come(TaskRecord& task, const Due& due, RunOrigin origin, Duration delay) {
    // Only a clock that was set makes the next instant come before the delay has ended.
    if (const auto before = take_delayed(task)) {
        listener_.on_due(task, *before, RunOrigin::schedule);
    }
    if (delay <= Duration::zero()) return listener_.on_due(task, due, origin);
    delayed_.add({&task, due, clock_.mono_now() + delay});
    if (due.tick && *due.tick == grid_of(task).origin) listener_.on_first_delayed(task, due);
}

bool Timeline::delay_again(TaskRecord& task, const Task& definition, const Due& due) {
    if (!due.tick || delayed_.find(task) != nullptr) return false;
    const MonoTime start = *due.tick + start_delay(definition, due.instant);
    if (start <= clock_.mono_now()) return false;
    delayed_.add({&task, due, start});
    return true;
}

void Timeline::start_delayed() {
    const MonoTime now = clock_.mono_now();
    while (const auto delayed = delayed_.take_due(now)) {
        TaskRecord& task = *delayed->task;
        const auto known = entries_.find(&task);
        const auto* const cron = known == entries_.end()
                                     ? nullptr
                                     : std::get_if<CronSchedule>(&known->second.schedule());
        const auto before = std::chrono::floor<std::chrono::seconds>(delayed->due.instant) -
                            std::chrono::seconds(1);
        if (now - delayed->start > late_limit && cron != nullptr &&
            cron->next_after(before) == delayed->due.instant) {
            // The machine slept: it is settled with those that came meanwhile.
            unqueue(task, known->second);
            known->second.wall_due = delayed->due.instant;
            wall_.emplace(known->second.wall_due, known->second.order, &task);
            continue;
        }
        listener_.on_due(task, delayed->due, RunOrigin::schedule);
    }
}

void Timeline::fire_mono() {
    const MonoTime now = clock_.mono_now();
    const WallTime wall = clock_.wall_now();
    for (TaskRecord* task : take_due(mono_, {now, UINT64_MAX, nullptr})) {
        const auto known = entries_.find(task);
        if (known == entries_.end()) continue;  // removed by a listener meanwhile
        if (std::holds_alternative<Timer>(known->second.schedule())) {
            fire_timer(*task, known->second, now, wall);
            continue;
        }
        const Due due{known->second.grid.anchor, known->second.mono_due};
        entries_.erase(known);
        listener_.on_due(*task, due, RunOrigin::schedule);
    }
}

void Timeline::fire_timer(TaskRecord& task, Entry& entry, MonoTime now, WallTime wall) {
    const Duration interval = std::get<Timer>(entry.schedule()).interval;
    const MonoTime next = Timer{interval}.next_after(now, entry.grid.origin);
    const MonoTime latest = next - interval;
    Grid& grid = entry.grid;
    // The grid tells each instant's name, so that it is the same whoever works it out. What the
    // wall clock was slewed by in days and weeks is made good when it shows.
    const Duration drift = (wall - (now - latest)) - (grid.anchor + (latest - grid.origin));
    if (drift >= step_worth_telling || drift <= -step_worth_telling) {
        // Some microseconds more: a clock that was set back must not bring a name twice.
        grid.anchor += drift + Duration(++anchors_moved_);
    }
    const auto due_at = [&grid](MonoTime tick) {
        return Due{grid.anchor + (tick - grid.origin), tick};
    };
    const MonoTime first = entry.mono_due;
    auto missed = static_cast<std::uint64_t>((latest - first) / interval);
    std::uint64_t made_up = 0;
    if (entry.definition->catch_up == CatchUp::all) {
        const auto in_window =
            static_cast<std::uint64_t>(entry.definition->catch_up_window / interval);
        made_up = std::min<std::uint64_t>({missed, most_caught_up - 1, in_window});
    }
    missed -= made_up;
    entry.mono_due = next;
    mono_.emplace(next, entry.order, &task);
    // Named before the listener is called, which may change or remove the entry.
    SkippedInstants skipped{
        due_at(first).instant, {}, missed, false, "missed: Bansuri or the machine was held up",
        std::nullopt};
    std::vector<Due> due;
    for (std::uint64_t i = made_up; i > 0; --i) {
        due.push_back(due_at(latest - static_cast<Duration::rep>(i) * interval));
    }
    due.push_back(due_at(latest));
    if (missed > 0) {
        const Due last = due_at(first + static_cast<Duration::rep>(missed - 1) * interval);
        skipped.last = last.instant;
        skipped.tick = last.tick;
        listener_.on_missed(task, skipped);
    }
    const Duration delay =
        latest + start_delay(*entry.definition, due.back().instant) - clock_.mono_now();
    const bool is_delayed = delay > Duration::zero();
    const RunOrigin origin =
        is_delayed || due.size() == 1 ? RunOrigin::schedule : RunOrigin::catch_up;
    for (std::size_t i = 0; i + 1 < due.size(); ++i) {
        come(task, due[i], RunOrigin::catch_up, Duration::zero());
    }
    come(task, due.back(), origin, delay);
}

void Timeline::fire_wall() {
    look_at_clock();
    const WallTime now = last_wall_;
    const std::vector<Stretch> stepped_over = std::exchange(stepped_over_, {});
    for (TaskRecord* task : take_due(wall_, {now, UINT64_MAX, nullptr})) {
        const auto known = entries_.find(task);
        if (known == entries_.end()) continue;
        Entry& entry = known->second;
        const auto& cron = std::get<CronSchedule>(entry.schedule());
        const bool was_down = std::exchange(entry.was_down, false);
        Overdue overdue =
            settle_overdue(cron, entry.wall_due, now,
                           {entry.definition->catch_up, entry.definition->catch_up_window, was_down,
                            stepped_over, entry.definition});
        if (const auto next = next_uncovered(cron, now)) {
            entry.wall_due = *next;
            wall_.emplace(*next, entry.order, task);
        } else {
            entries_.erase(known);
        }
        if (overdue.skipped) {
            overdue.skipped->reason =
                was_down ? "missed: Bansuri was not running"
                         : "missed: the clock was set forward or the machine slept";
            listener_.on_missed(*task, *overdue.skipped);
        }
        for (const Overdue::Run& run : overdue.runs) {
            come(*task, {run.instant, std::nullopt}, run.origin, run.delay);
        }
    }
}

void Timeline::look_at_clock() {
    // Not only when the clock says that it was set: an alarm may ring before that is told.
    const WallTime expected = expected_wall();
    const Duration by = clock_.wall_now() - expected;
    if (by <= -step_worth_telling || by >= step_worth_telling) return step(by, expected);
    last_mono_ = clock_.mono_now();
    last_wall_ = clock_.wall_now();
    covered_.advance(last_wall_);
}

void Timeline::move_anchors(Duration by) {
    ++anchors_moved_;
    for (auto& [task, entry] : entries_) {
        if (!std::holds_alternative<Timer>(entry.schedule())) continue;
        // Some microseconds more: a clock that was set back must not bring a name twice.
        entry.grid.anchor += by + Duration(anchors_moved_);
    }
}

void Timeline::step(Duration by, WallTime expected) {
    covered_.advance(expected);
    const auto before = covered_.end_of_span_at(expected);
    last_mono_ = clock_.mono_now();
    last_wall_ = clock_.wall_now();
    for (const Stretch& span : covered_.spans_within(expected, last_wall_)) {
        stepped_over_.push_back(span);
    }
    covered_.jump(last_wall_);
    move_anchors(by);
    events_.publish(ClockStepped{by});

    // Instants between the old time and the new one are settled by the ring that the alarm brings.
    // Set back within the stretch we came through, every queued instant is still the right one.
    if (by > Duration::zero() || covered_.end_of_span_at(last_wall_) == before) return;
    wall_.clear();
    for (auto& [task, entry] : entries_) {
        const auto* cron = std::get_if<CronSchedule>(&entry.schedule());
        if (cron == nullptr) continue;
        // A date that never comes again before the year 10000 is not worth forgetting the task.
        entry.wall_due = next_uncovered(*cron, last_wall_).value_or(WallTime::max());
        wall_.emplace(entry.wall_due, entry.order, task);
    }
    arm();
}

std::optional<WallTime> Timeline::next_uncovered(const CronSchedule& schedule,
                                                 WallTime from) const {
    while (true) {
        const WallTime start = covered_.end_of_span_at(from).value_or(from);
        const auto next = schedule.next_after(std::chrono::floor<std::chrono::seconds>(start));
        if (!next || !covered_.end_of_span_at(*next)) return next;
        from = *next;
    }
}

}  // namespace bansuri::engine
