// SPDX-License-Identifier: MIT
//
// Tasks for tests, told in the words of the configuration; what a test does not care about is left
// at its default.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/task.hpp"
#include "support/fake_launcher.hpp"

namespace bansuri::testing {

/// task("backup").cron("0 2 * * *").takes(10min)
class TaskBuilder {
  public:
    explicit TaskBuilder(std::string name) {
        task_.name = std::move(name);
        task_.command.line = "do " + task_.name;
        task_.command.working_directory = "/";
    }

    TaskBuilder& cron(const std::string& expression, const std::string& zone = "UTC") {
        const auto schedule = CronSchedule::parse(expression, TimeZone::find(zone).value());
        if (!schedule) throw std::invalid_argument(schedule.error().message);
        task_.schedule = *schedule;
        task_.cron = expression;
        return *this;
    }
    TaskBuilder& every(Duration interval) {
        task_.schedule = Timer{interval};
        return *this;
    }
    TaskBuilder& command(std::string line) {
        task_.command.line = std::move(line);
        return *this;
    }
    TaskBuilder& describe(std::string text) {
        task_.description = std::move(text);
        return *this;
    }
    TaskBuilder& disabled() {
        task_.enabled = false;
        return *this;
    }
    TaskBuilder& overlap(Overlap policy) {
        task_.overlap = policy;
        return *this;
    }
    TaskBuilder& time_limit(Duration limit, Duration grace = Duration::zero()) {
        task_.time_limit = limit;
        task_.kill_grace = grace;
        return *this;
    }
    TaskBuilder& user(std::string name) {
        task_.command.isolation.edit().user = std::move(name);
        return *this;
    }
    TaskBuilder& cpu(double cores) {
        task_.command.isolation.edit().limits.cpu = cores;
        return *this;
    }
    TaskBuilder& stop_timeout(Duration limit) {
        task_.stop_timeout = limit;
        return *this;
    }
    TaskBuilder& on_fail(OnFail policy) {
        task_.on_fail = policy;
        return *this;
    }
    TaskBuilder& goes_on() { return on_fail(OnFail::go_on); }
    /// 0 attempts: no limit.
    TaskBuilder& retries(unsigned attempts) {
        task_.on_fail = OnFail::restart;
        task_.retry.attempts = attempts;
        return *this;
    }
    TaskBuilder& restart_delay(Duration delay) {
        task_.retry.delay = delay;
        return *this;
    }
    TaskBuilder& backoff(Backoff backoff) {
        task_.retry.backoff = backoff;
        return *this;
    }
    TaskBuilder& on_exhausted(OnExhausted policy) {
        task_.on_exhausted = policy;
        return *this;
    }
    TaskBuilder& on_lost(OnLost policy) {
        task_.on_lost = policy;
        return *this;
    }
    TaskBuilder& catch_up(CatchUp policy, Duration window = std::chrono::hours(24)) {
        task_.catch_up = policy;
        task_.catch_up_window = window;
        return *this;
    }
    TaskBuilder& jitter(Duration most) {
        task_.jitter = most;
        return *this;
    }
    TaskBuilder& expect_within(Duration span) {
        task_.expect_within = span;
        return *this;
    }
    TaskBuilder& heartbeat(std::string address) {
        task_.heartbeat = std::move(address);
        return *this;
    }
    TaskBuilder& max_runs(unsigned runs) {
        task_.max_runs = runs;
        return *this;
    }
    TaskBuilder& success_code(int code) {
        task_.success_codes.set(static_cast<std::size_t>(code));
        return *this;
    }
    TaskBuilder& notify(NotifyPolicy policy) {
        task_.notify = policy;
        task_.notify.enabled = true;
        return *this;
    }

    // What its processes do; each call of then() begins the next attempt.
    TaskBuilder& takes(Duration span) {
        now().takes = span;
        return *this;
    }
    TaskBuilder& ends(ExitStatus status) {
        now().ends = status;
        return *this;
    }
    TaskBuilder& fails() { return ends(ExitStatus::exited(1)); }
    TaskBuilder& says(std::string text) {
        now().says = std::move(text);
        return *this;
    }
    TaskBuilder& ignores_term() {
        now().ignores_term = true;
        return *this;
    }
    TaskBuilder& immortal() {
        now().immortal = true;
        return *this;
    }
    TaskBuilder& cannot_start(std::string why) {
        now().cannot_start = std::move(why);
        return *this;
    }
    TaskBuilder& then() {
        behaviours_.emplace_back();
        return *this;
    }

    const std::string& name() const { return task_.name; }
    const std::vector<Behaviour>& behaviours() const { return behaviours_; }
    std::shared_ptr<const Task> build() const { return std::make_shared<const Task>(task_); }

  private:
    Behaviour& now() { return behaviours_.back(); }
    Task task_;
    std::vector<Behaviour> behaviours_{1};
};

inline TaskBuilder task(std::string name) { return TaskBuilder(std::move(name)); }

}  // namespace bansuri::testing
