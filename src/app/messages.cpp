// SPDX-License-Identifier: MIT
#include "app/messages.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <exception>
#include <utility>

#include "os/descriptor_use.hpp"

namespace bansuri::app {
namespace {

constexpr auto patience_for_notifications = std::chrono::seconds(5);
constexpr auto patience_for_heartbeats = std::chrono::seconds(1);
constexpr auto look_at_descriptors_every = std::chrono::seconds(10);
// Events of the history.
constexpr const char* asked = "restart-asked";
constexpr const char* alert = "alert";

}  // namespace

Messages::Messages(Means means)
    : means_(std::move(means)),
      notifier_(means_.loop, means_.clock, means_.launcher, engine::inheritable(environ),
                [this](const std::string& task, const std::string& error) {
                    if (error.empty()) return;
                    means_.log.warn("notification", (task.empty() ? "alert" : task) + ": " + error);
                },
                {.series = means_.daemon}),
      heartbeat_(means_.loop,
                 [this](const std::string& task, const std::string& error) {
                     if (error.empty()) {
                         means_.log.info("heartbeat", task + ": its heartbeat is answered again");
                     } else {
                         means_.log.warn("heartbeat", task + ": " + error);
                     }
                 }),
      alerts_(means_.clock, means_.health, notifier_,
              [this](const std::string& about, const std::string& text) {
                  note(alert, about + ": " + text);
              }) {
    if (means_.state != nullptr) look_at_descriptors();
}

void Messages::note(const std::string& kind, const std::string& text) {
    if (means_.state == nullptr) return;
    means_.state->store().record_event(means_.clock.wall_now(), kind, text);
}

void Messages::restart_asked() { note(asked, fmt::format("daemon {}", means_.daemon)); }

void Messages::read_past() {
    if (means_.state == nullptr || means_.daemon == 1) return;
    predecessor_died_ = true;
    try {
        const auto events = means_.state->history()->events(100);
        predecessor_died_ = events.empty() || events.front().kind != asked;
        for (auto event = events.rbegin(); event != events.rend(); ++event) {
            const auto colon = event->text.find(": ");
            if (event->kind != alert || colon == std::string::npos) continue;
            alerts_.remember(event->text.substr(0, colon), event->text.substr(colon + 2),
                             event->at);
        }
    } catch (const std::exception& error) {
        // Then something may be told twice.
        means_.log.warn("history",
                        fmt::format("what was told before is not known: {}", error.what()));
    }
}

void Messages::use(const Configuration& configuration) {
    notifier_.use({configuration.notify_command, configuration.directory, configuration.zone});
    alerts_.use(configuration.alerts && means_.state != nullptr);
    if (std::exchange(predecessor_died_, false)) {
        alerts_.daemon_restarted(fmt::format("daemon {} with pid {}", means_.daemon, ::getpid()));
    }
}

void Messages::look_at_descriptors() {
    std::string problem;
    for (const auto& [name, pid] : {std::pair{"daemon", ::getpid()}, {"keeper", ::getppid()}}) {
        const auto use = os::descriptor_use(pid);
        if (!use || !use->is_short()) continue;
        problem = fmt::format(
            "the {} has {} of {} descriptors open, and tasks cannot be started without; raise "
            "LimitNOFILE= of the unit, or ulimit -n",
            name, use->open, use->allowed);
    }
    problem.empty() ? means_.health.recover("descriptors")
                    : means_.health.degrade("descriptors", problem);
    next_look_ = means_.clock.at(means_.clock.mono_now() + look_at_descriptors_every,
                                 [this] { look_at_descriptors(); });
}

boost::asio::awaitable<void> Messages::until_said(bool must_end) {
    std::unique_ptr<engine::Alarm> enough;
    std::unique_ptr<engine::Alarm> enough_beats;
    if (must_end) {
        const MonoTime now = means_.clock.mono_now();
        enough = means_.clock.at(now + patience_for_notifications, [this] { notifier_.abandon(); });
        enough_beats =
            means_.clock.at(now + patience_for_heartbeats, [this] { heartbeat_.abandon(); });
    }
    co_await notifier_.until_idle();
    co_await heartbeat_.until_idle();
}

void Messages::abandon() {
    notifier_.abandon();
    heartbeat_.abandon();
}

}  // namespace bansuri::app
