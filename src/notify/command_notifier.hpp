// SPDX-License-Identifier: MIT
//
// Notifies by running a command with the message on its standard input: mail, curl, a script.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <deque>
#include <functional>
#include <string>

#include "core/time_zone.hpp"
#include "engine/services.hpp"
#include "engine/wakeup.hpp"

namespace bansuri::notify {

/// Lives on the engine's loop. Messages go out in their order, a few at a time, each within a time
/// limit; what does not fit into the queue is counted and logged. No task ever waits for it.
class CommandNotifier final : public engine::Notifier {
  public:
    struct Limits {
        std::size_t queued = 100;
        std::size_t at_once = 4;
        Duration each = std::chrono::seconds(30);
        /// Ids of attempts of another series may still be held by the keeper.
        std::uint32_t series = 0;
    };
    /// Told how each message fared: nothing to complain about if `error` is empty.
    using Report = std::function<void(const std::string& task, const std::string& error)>;

    CommandNotifier(boost::asio::any_io_executor loop, engine::Clock& clock,
                    engine::ProcessLauncher& launcher, engine::Environment inherited, Report report,
                    Limits limits);
    CommandNotifier(boost::asio::any_io_executor loop, engine::Clock& clock,
                    engine::ProcessLauncher& launcher, engine::Environment inherited, Report report)
        : CommandNotifier(std::move(loop), clock, launcher, std::move(inherited), std::move(report),
                          Limits{}) {}

    /// How messages are sent from now on. An empty command: not at all.
    struct Delivery {
        std::string command;    ///< what /bin/sh -c is given
        std::string directory;  ///< where it runs; absolute
        TimeZone zone;          ///< in which the message tells times
    };
    void use(Delivery delivery) { delivery_ = std::move(delivery); }
    void notify(engine::FailureInfo info) override;

    /// Resumes when every message has been sent or given up.
    boost::asio::awaitable<void> until_idle();
    /// Ends what is being sent and forgets what waits.
    void abandon();

  private:
    class LogTail;
    struct Waiting {
        engine::FailureInfo info;
        Delivery delivery;
    };
    void send_next();
    boost::asio::awaitable<std::string> send(Waiting waiting);
    engine::LaunchSpec launch_spec(const Waiting& waiting, std::string message);

    boost::asio::any_io_executor loop_;
    engine::Clock& clock_;
    engine::ProcessLauncher& launcher_;
    engine::Environment inherited_;
    Report report_;
    std::uint64_t next_id_;  // of attempts
    Limits limits_;
    Delivery delivery_;
    std::deque<Waiting> queue_;
    std::size_t sending_ = 0;
    bool abandoned_ = false;
    engine::Wakeup changed_;
    boost::asio::thread_pool files_{1};  // reads excerpts, away from the loop
};

}  // namespace bansuri::notify
