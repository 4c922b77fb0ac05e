// SPDX-License-Identifier: MIT
//
// All that Bansuri says to somebody elsewhere: the messages of tasks, their heartbeats, and the
// alerts about itself.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "app/log.hpp"
#include "app/state.hpp"
#include "core/configuration.hpp"
#include "engine/services.hpp"
#include "notify/alerts.hpp"
#include "notify/command_notifier.hpp"
#include "notify/curl_heartbeat.hpp"

namespace bansuri::app {

/// Lives on the loop.
class Messages {
  public:
    /// What it says is said by.
    struct Means {
        boost::asio::any_io_executor loop;
        engine::Clock& clock;
        engine::ProcessLauncher& launcher;
        engine::Health& health;
        Log& log;
        State* state;              ///< nullptr: none, and then no alerts
        std::uint32_t daemon = 1;  ///< the how-manieth of its keeper
    };
    explicit Messages(Means means);

    engine::Notifier& notifier() { return notifier_; }
    engine::Heartbeat& heartbeat() { return heartbeat_; }
    notify::Alerts& alerts() { return alerts_; }

    /// Before the first use(): what earlier daemons told, and whether the last one died. Reads the
    /// disk.
    void read_past();
    /// Why the next daemon will find this one gone: somebody asked for it.
    void restart_asked();
    void use(const Configuration& configuration);

    /// Resumes when all has been said; with `must_end`, after a few seconds at the latest.
    boost::asio::awaitable<void> until_said(bool must_end);
    void abandon();

  private:
    void look_at_descriptors();
    void note(const std::string& kind, const std::string& text);

    Means means_;
    notify::CommandNotifier notifier_;
    notify::CurlHeartbeat heartbeat_;
    notify::Alerts alerts_;
    bool predecessor_died_ = false;
    std::unique_ptr<engine::Alarm> next_look_;
};

}  // namespace bansuri::app
