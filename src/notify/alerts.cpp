// SPDX-License-Identifier: MIT
#include "notify/alerts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace bansuri::notify {
namespace {

constexpr const char* refused = "configuration-refused";
constexpr const char* restarted = "daemon-restarted";

std::string kind_of(const engine::Health::Problem& problem) {
    if (problem.component == "descriptors") return "descriptors-short";
    // As SQLite, the kernel and the store say it.
    for (const std::string_view words : {"disk is full", "No space left", "disk was full"}) {
        if (problem.reason.find(words) != std::string::npos) return "low-disk";
    }
    return "degraded";
}

}  // namespace

Alerts::Alerts(engine::Clock& clock, const engine::Health& health, engine::Notifier& notifier,
               Sent sent)
    : clock_(clock), health_(health), notifier_(notifier), sent_(std::move(sent)) {}

void Alerts::use(bool wanted) {
    if (std::exchange(wanted_, wanted) == wanted) return;
    alarm_.reset();
    seen_.clear();
    if (wanted_) look();
}

void Alerts::remember(const std::string& kind, const std::string& text, WallTime at) {
    told_[kind] = {text, at};
}

void Alerts::look() {
    std::map<std::string, std::string> now;
    for (const engine::Health::Problem& problem : health_.problems()) {
        if (problem.component == "configuration") continue;  // told with its reason, when it comes
        now.emplace(problem.component, problem.reason);
        if (!seen_.contains(problem.component)) tell_of(problem);
    }
    seen_ = std::move(now);
    alarm_ = clock_.at(clock_.mono_now() + look_every, [this] { look(); });
}

void Alerts::tell_of(const engine::Health::Problem& problem) {
    if (was_told_lately(problem.component)) return;
    send(problem.component, kind_of(problem),
         fmt::format("{}: {}\nTasks go on. bansuri status shows when it is over.",
                     problem.component, problem.reason));
}

bool Alerts::was_told_lately(const std::string& about) const {
    const auto known = told_.find(about);
    if (known == told_.end()) return false;
    const WallTime now = clock_.wall_now();
    return now - std::min(known->second.at, now) < again_after;
}

void Alerts::configuration_refused(const std::string& reason) {
    const auto known = told_.find(refused);
    if (known != told_.end() && known->second.text.starts_with(reason)) return;
    send(refused, refused,
         reason + "\nThe configuration before it stays in force. bansuri check tells all.");
}

void Alerts::configuration_taken() { told_.erase(refused); }

void Alerts::daemon_restarted(const std::string& which) {
    if (was_told_lately(restarted)) return;
    send(restarted, restarted,
         fmt::format("The daemon had died, and the keeper started another: {}.\n"
                     "Running tasks were not touched. The log says how it ended.",
                     which));
}

void Alerts::send(const std::string& about, const std::string& kind, const std::string& text) {
    if (!wanted_) return;
    const WallTime now = clock_.wall_now();
    told_[about] = {text, now};
    engine::FailureInfo info;
    info.kind = engine::FailureInfo::Kind::alert;
    info.alert = kind;
    info.reason = text;
    info.at = now;
    notifier_.notify(std::move(info));
    sent_(about, text);
}

}  // namespace bansuri::notify
