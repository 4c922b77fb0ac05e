// SPDX-License-Identifier: MIT
//
// `exec` and `--once`: a configuration cut down to what runs once, and the exit code it makes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/configuration.hpp"
#include "core/result.hpp"
#include "engine/event_bus.hpp"

namespace bansuri::app {

/// With a name: that task, due now, enabled or not. Without: the tasks that are due at start-up
/// (once and timer), each due once. The error (not_found) names the task and the nearest ones.
Result<Configuration> single_run(Configuration configuration, const std::string& only_task);

/// Listens for how the runs end.
class SingleRunResult {
  public:
    explicit SingleRunResult(engine::EventBus& events);

    /// For one task the command's own code; 128 + N for signal N, 124 for a time-out, 126 if it
    /// could not start. For all: 0 if every run was a success, else 1.
    int exit_code(const std::string& only_task) const;

  private:
    std::optional<engine::AttemptResult> last_;
    std::optional<ExitStatus> last_status_;
    bool all_succeeded_ = true;
    std::shared_ptr<void> listening_;
};

}  // namespace bansuri::app
