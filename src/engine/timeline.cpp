// SPDX-License-Identifier: MIT
#include "engine/timeline.hpp"

#include <algorithm>

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
      last_mono_(clock.mono_now()),
      last_wall_(clock.wall_now()),
      covered_(last_wall_) {
    clock_.on_wall_clock_set([this] { look_at_clock(); });
}

void Timeline::add(TaskRecord& task, const Schedule& schedule) {
    look_at_clock();
    place(task, Entry{&schedule, added_++, clock_.mono_now()});
}

void Timeline::change(TaskRecord& task, const Schedule& schedule) {
    const auto known = entries_.find(&task);
    if (known == entries_.end()) {
        if (!std::holds_alternative<Once>(schedule)) add(task, schedule);
        return;
    }
    if (*known->second.schedule == schedule) {
        known->second.schedule = &schedule;  // the old definition is about to die
        return;
    }
    const Entry before = known->second;
    const bool was_timer = std::holds_alternative<Timer>(*before.schedule);
    remove(task);
    if (std::holds_alternative<Once>(schedule)) return;
    look_at_clock();
    Entry entry{&schedule, before.order, clock_.mono_now()};
    const auto* timer = std::get_if<Timer>(&schedule);
    if (timer == nullptr || !was_timer) return place(task, entry);
    entry.grid = before.grid;
    entry.mono_due = timer->next_after(clock_.mono_now(), before.grid);
    mono_.emplace(entry.mono_due, entry.order, &task);
    entries_.emplace(&task, entry);
    arm();
}

void Timeline::place(TaskRecord& task, Entry entry) {
    if (const auto* cron = std::get_if<CronSchedule>(entry.schedule)) {
        const auto next = next_uncovered(*cron, last_wall_);
        if (!next) return;
        entry.wall_due = *next;
        wall_.emplace(entry.wall_due, entry.order, &task);
    } else {
        entry.mono_due = entry.grid;
        mono_.emplace(entry.mono_due, entry.order, &task);
    }
    entries_.emplace(&task, entry);
    arm();
}

void Timeline::remove(TaskRecord& task) {
    const auto known = entries_.find(&task);
    if (known == entries_.end()) return;
    unqueue(task, known->second);
    entries_.erase(known);
    arm();
}

void Timeline::clear() {
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
    fire_mono();
    fire_wall();
    arm();
}

void Timeline::fire_mono() {
    const MonoTime now = clock_.mono_now();
    const WallTime wall = clock_.wall_now();
    for (TaskRecord* task : take_due(mono_, {now, UINT64_MAX, nullptr})) {
        const auto known = entries_.find(task);
        if (known == entries_.end()) continue;  // removed by a listener meanwhile
        Entry& entry = known->second;
        const auto* timer = std::get_if<Timer>(entry.schedule);
        if (timer == nullptr) {
            entries_.erase(known);
            listener_.on_due(*task, wall);
            continue;
        }
        const MonoTime next = timer->next_after(now, entry.grid);
        const MonoTime latest = next - timer->interval;
        const WallTime instant = wall - (now - latest);
        if (const auto lost =
                static_cast<std::uint64_t>((latest - entry.mono_due) / timer->interval)) {
            listener_.on_missed(*task, {wall - (now - entry.mono_due), instant - timer->interval,
                                        lost, false, "missed: Bansuri or the machine was held up"});
        }
        entry.mono_due = next;
        mono_.emplace(next, entry.order, task);
        listener_.on_due(*task, instant);
    }
}

void Timeline::fire_wall() {
    look_at_clock();
    const WallTime now = last_wall_;
    for (TaskRecord* task : take_due(wall_, {now, UINT64_MAX, nullptr})) {
        const auto known = entries_.find(task);
        if (known == entries_.end()) continue;
        Entry& entry = known->second;
        const auto& cron = std::get<CronSchedule>(*entry.schedule);
        Overdue overdue = settle_overdue(cron, entry.wall_due, now);
        if (const auto next = next_uncovered(cron, now)) {
            entry.wall_due = *next;
            wall_.emplace(*next, entry.order, task);
        } else {
            entries_.erase(known);
        }
        if (overdue.skipped) {
            overdue.skipped->reason = "missed: the clock was set forward or the machine slept";
            listener_.on_missed(*task, *overdue.skipped);
        }
        if (overdue.run) listener_.on_due(*task, *overdue.run);
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

void Timeline::step(Duration by, WallTime expected) {
    covered_.advance(expected);
    const auto before = covered_.end_of_span_at(expected);
    last_mono_ = clock_.mono_now();
    last_wall_ = clock_.wall_now();
    covered_.jump(last_wall_);
    events_.publish(ClockStepped{by});

    // Instants between the old time and the new one are settled by the ring that the alarm brings.
    // Set back within the stretch we came through, every queued instant is still the right one.
    if (by > Duration::zero() || covered_.end_of_span_at(last_wall_) == before) return;
    wall_.clear();
    for (auto& [task, entry] : entries_) {
        const auto* cron = std::get_if<CronSchedule>(entry.schedule);
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
