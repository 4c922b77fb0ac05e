// SPDX-License-Identifier: MIT
//
// What earlier daemons left, sorted out: the store says what was intended and what had ended, the
// keeper says what it holds. Each task takes its share when the first configuration is applied.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/configuration.hpp"
#include "engine/process_launcher.hpp"
#include "engine/run_store.hpp"
#include "engine/task_runner.hpp"

namespace bansuri::engine {

/// Has the keeper take in what still lives of the runs that another keeper started, and adds it to
/// `held`. Before a single instant is looked at, so that what has ended meanwhile overlaps nothing.
/// The error (unreachable): the keeper is gone, so that nothing is known of what lives.
boost::asio::awaitable<Result<void>> adopt_what_lives(ProcessLauncher& launcher,
                                                      const Recovery& left,
                                                      const Configuration& configuration,
                                                      std::vector<HeldAttempt>& held);

class Inheritance {
  public:
    /// `keeper_has_started`: an earlier daemon of this keeper had something started, so whatever
    /// starts once has had its turn, whatever the store says.
    Inheritance(Recovery recovery, std::vector<HeldAttempt> held, bool keeper_has_started);

    struct Share {
        std::optional<TaskProgress> progress;
        std::vector<InheritedRun> runs;  ///< oldest first
    };
    Share take(const std::string& task);
    /// What no task has taken.
    std::map<std::string, Share> take_rest() { return std::exchange(shares_, {}); }

    /// Nothing says whether the once-tasks of this session have run: they are not run again.
    bool once_tasks_unknown() const { return once_tasks_unknown_; }
    bool reclaims(RunId run) const { return reclaimed_.contains(run); }
    /// Attempts whose end is recorded, and those that are no run's.
    const std::vector<AttemptId>& to_release() const { return to_release_; }
    RunId highest_held() const { return highest_held_; }

  private:
    std::map<std::string, Share> shares_;
    std::map<RunId, bool> reclaimed_;
    std::vector<AttemptId> to_release_;
    RunId highest_held_ = 0;
    bool once_tasks_unknown_ = false;
};

}  // namespace bansuri::engine
