// SPDX-License-Identifier: MIT
#include "app/single_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <variant>

namespace bansuri::app {
namespace {

std::shared_ptr<const Task> due_once(const Task& task) {
    Task once = task;
    once.schedule = Once{};
    once.enabled = true;
    once.expect_within = Duration::zero();  // whoever runs it sees what becomes of it
    return std::make_shared<const Task>(std::move(once));
}

}  // namespace

Result<Configuration> single_run(Configuration configuration, const std::string& only_task) {
    std::vector<std::shared_ptr<const Task>> chosen;
    for (const auto& task : configuration.tasks) {
        const bool cron = std::holds_alternative<CronSchedule>(task->schedule);
        const bool wanted = only_task.empty() ? task->enabled && !cron : task->name == only_task;
        if (wanted) chosen.push_back(due_once(*task));
    }
    if (!only_task.empty() && chosen.empty()) {
        std::string known;
        for (const auto& task : configuration.tasks) {
            if (known.size() > 500) break;
            known += (known.empty() ? "" : ", ") + task->name;
        }
        return fail(
            ErrorCode::not_found,
            fmt::format("no task \"{}\" in the configuration; it has: {}", only_task, known));
    }
    configuration.tasks = std::move(chosen);
    return configuration;
}

SingleRunResult::SingleRunResult(engine::EventBus& events)
    : listening_(events.subscribe([this](const engine::Event& event) {
          if (const auto* attempt = std::get_if<engine::AttemptEnded>(&event)) {
              if (attempt->result.status) last_status_ = attempt->result.status;
          }
          const auto* ended = std::get_if<engine::RunEnded>(&event);
          if (ended == nullptr) return;
          last_ = ended->result;
          all_succeeded_ = all_succeeded_ && ended->result.outcome == Outcome::success;
      })) {}

int SingleRunResult::exit_code(const std::string& only_task) const {
    constexpr int timed_out = 124;        // as timeout(1)
    constexpr int could_not_start = 126;  // as a shell
    constexpr int interrupted = 130;      // as a shell, before anything ran
    if (only_task.empty()) return all_succeeded_ ? 0 : 1;
    if (!last_) return 1;
    if (last_->outcome == Outcome::timeout) return timed_out;
    if (last_->status) return last_->status->shell_code();
    // Stopped in the pause before a retry: what the attempt before it came to.
    if (last_->outcome == Outcome::stopped && last_status_) return last_status_->shell_code();
    return last_->outcome == Outcome::stopped ? interrupted : could_not_start;
}

}  // namespace bansuri::app
