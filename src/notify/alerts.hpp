// SPDX-License-Identifier: MIT
//
// What is wrong with Bansuri itself and somebody should hear of: the alerts that `alerts` of the
// root sends through the notify_command (docs/notification.md).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "engine/clock.hpp"
#include "engine/health.hpp"
#include "engine/notifier.hpp"

namespace bansuri::notify {

/// Lives on the engine's loop.
class Alerts {
  public:
    /// A problem that goes and comes again is told again after this at the earliest.
    static constexpr Duration again_after = std::chrono::hours(1);
    static constexpr Duration look_every = std::chrono::seconds(10);

    /// `sent` is told of each alert, so that the next daemon can be told by remember().
    using Sent = std::function<void(const std::string& kind, const std::string& text)>;

    Alerts(engine::Clock& clock, const engine::Health& health, engine::Notifier& notifier,
           Sent sent);

    /// Whether alerts are wanted, from now on. Problems that last are told then.
    void use(bool wanted);
    /// An earlier daemon sent it.
    void remember(const std::string& kind, const std::string& text, WallTime at);

    /// The file was refused: told once for each reason, until a file was taken.
    void configuration_refused(const std::string& reason);
    void configuration_taken();
    /// The keeper started this daemon because the one before had died.
    void daemon_restarted(const std::string& which);

  private:
    struct Told {
        std::string text;
        WallTime at{};
    };
    void look();
    void tell_of(const engine::Health::Problem& problem);
    bool was_told_lately(const std::string& about) const;
    void send(const std::string& about, const std::string& kind, const std::string& text);

    engine::Clock& clock_;
    const engine::Health& health_;
    engine::Notifier& notifier_;
    Sent sent_;
    bool wanted_ = false;
    std::map<std::string, Told> told_;         ///< by kind, or by the component that has a problem
    std::map<std::string, std::string> seen_;  ///< problems at the last look
    std::unique_ptr<engine::Alarm> alarm_;
};

}  // namespace bansuri::notify
