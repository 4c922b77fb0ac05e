// SPDX-License-Identifier: MIT
//
// Processes in simulated time: each task does what its script says, one line an attempt.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <string>
#include <vector>

#include "engine/process_launcher.hpp"
#include "support/fake_clock.hpp"

namespace bansuri::testing {

/// What an attempt does.
struct Behaviour {
    Duration takes = Duration::zero();
    ExitStatus ends = ExitStatus::exited(0);
    std::string says;
    bool ignores_term = false;
    std::string cannot_start;  ///< not empty: the reason
};

class FakeLauncher final : public engine::ProcessLauncher {
  public:
    struct Started {
        std::string task;
        engine::AttemptId id;
        WallTime at;
    };

    FakeLauncher(boost::asio::io_context& loop, FakeClock& clock) : loop_(loop), clock_(clock) {}

    /// The attempts of `task` do these in turn; the last one goes on for ever.
    void script(const std::string& task, std::vector<Behaviour> behaviours) {
        scripts_[task] = {std::move(behaviours), 0};
    }
    const std::vector<Started>& started() const { return started_; }
    std::vector<Started> started(const std::string& task) const;
    int running(const std::string& task) const;
    int most_at_once(const std::string& task) const;
    /// SIGKILLs that were sent.
    int kills() const { return kills_; }
    const std::vector<engine::LaunchSpec>& specs() const { return specs_; }
    /// The keeper dies: every process is lost.
    void lose_everything();

    boost::asio::awaitable<Result<std::unique_ptr<engine::Process>>> start(
        engine::LaunchSpec spec, engine::OutputSink& sink, std::function<void()> changed) override;

  private:
    class FakeProcess;
    struct Script {
        std::vector<Behaviour> behaviours;
        std::size_t next = 0;
    };
    boost::asio::io_context& loop_;
    FakeClock& clock_;
    std::map<std::string, Script> scripts_;
    std::vector<Started> started_;
    std::vector<engine::LaunchSpec> specs_;
    std::map<std::string, int> running_;
    std::map<std::string, int> most_;
    std::vector<FakeProcess*> alive_;
    int kills_ = 0;
    pid_t last_pid_ = 1000;
};

}  // namespace bansuri::testing
