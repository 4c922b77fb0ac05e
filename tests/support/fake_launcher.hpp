// SPDX-License-Identifier: MIT
//
// Processes in simulated time: each task does what its script says, one line an attempt. It is
// keeper and kernel in one: processes outlive a daemon, and, if told so, the keeper.
#pragma once

#include <boost/asio/io_context.hpp>
#include <map>
#include <memory>
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
    bool immortal = false;     ///< not even SIGKILL
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
    /// What the keeper holds.
    std::size_t held_count() const { return attempts_.size(); }
    const std::vector<engine::LaunchSpec>& specs() const { return specs_; }

    /// The daemon dies: its handles mean nothing any more, and what it started goes on.
    void lose_daemon();
    /// The keeper dies too: what lives is held by nobody until it is adopted, and how it ends
    /// meanwhile is seen by nobody.
    void lose_keeper();
    /// As lose_keeper(), with the daemon still there to see it.
    void lose_keeper_under_daemon();

    boost::asio::awaitable<Result<std::unique_ptr<engine::Process>>> start(
        engine::LaunchSpec spec, engine::OutputSink& sink, std::function<void()> changed) override;
    std::vector<std::string> shortcomings(const Isolation& isolation) const override {
        return isolation.limits.cpu ? std::vector<std::string>{"cpu: not on this machine"}
                                    : std::vector<std::string>{};
    }
    boost::asio::awaitable<std::vector<engine::HeldAttempt>> held() override;
    std::unique_ptr<engine::Process> take_over(engine::AttemptId id, engine::OutputSink& sink,
                                               std::function<void()> changed) override;
    boost::asio::awaitable<Result<void>> adopt(engine::AdoptSpec spec) override;

  private:
    struct Attempt;
    class Handle;
    struct Script {
        std::vector<Behaviour> behaviours;
        std::size_t next = 0;
    };
    std::unique_ptr<engine::Process> hand_out(const std::shared_ptr<Attempt>& attempt,
                                              engine::OutputSink& sink,
                                              std::function<void()> changed);
    void leave(Attempt& attempt, ExitStatus status);
    void end(Attempt& attempt, Duration grace);

    boost::asio::io_context& loop_;
    FakeClock& clock_;
    std::map<std::string, Script> scripts_;
    std::vector<Started> started_;
    std::vector<engine::LaunchSpec> specs_;
    std::map<std::string, int> running_;
    std::map<std::string, int> most_;
    std::map<engine::AttemptId, std::shared_ptr<Attempt>> attempts_;  // held
    std::vector<std::shared_ptr<Attempt>> orphans_;
    int kills_ = 0;
    pid_t last_pid_ = 1000;
};

}  // namespace bansuri::testing
