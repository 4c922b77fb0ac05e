// SPDX-License-Identifier: MIT
#include "engine/environment.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "core/iso8601.hpp"

namespace bansuri::engine {
namespace {

std::string_view name_of(std::string_view variable) {
    return variable.substr(0, variable.find('='));
}

bool is_bansuris_own(std::string_view name) {
    constexpr std::array<std::string_view, 6> systemds = {"NOTIFY_SOCKET", "WATCHDOG_USEC",
                                                          "WATCHDOG_PID",  "LISTEN_FDS",
                                                          "LISTEN_PID",    "LISTEN_FDNAMES"};
    return name.starts_with("BANSURI_") ||
           std::find(systemds.begin(), systemds.end(), name) != systemds.end();
}

bool survives_cleaning(std::string_view name) {
    constexpr std::array<std::string_view, 7> kept = {"PATH",  "HOME", "USER", "LOGNAME",
                                                      "SHELL", "LANG", "TZ"};
    return std::find(kept.begin(), kept.end(), name) != kept.end();
}

}  // namespace

Environment inheritable(const char* const* environ) {
    Environment kept;
    for (; *environ != nullptr; ++environ) {
        const std::string_view variable(*environ);
        if (!is_bansuris_own(name_of(variable))) kept.emplace_back(variable);
    }
    return kept;
}

Environment environment_of(const Task& task, const Environment& inherited, const StartFacts& facts,
                           AttemptId id, WallTime scheduled_at) {
    Environment environment;
    environment.reserve(inherited.size() + task.command.environment.size() + 4);
    for (const std::string& variable : inherited) {
        if (!task.command.clean_environment || survives_cleaning(name_of(variable))) {
            environment.push_back(variable);
        }
    }
    if (facts.account) {
        set_variable(environment, "HOME", facts.account->home);
        set_variable(environment, "USER", facts.account->name);
        set_variable(environment, "LOGNAME", facts.account->name);
        set_variable(environment, "SHELL", facts.account->shell);
    }
    for (const auto& [name, value] : facts.variables) set_variable(environment, name, value);
    for (const auto& [name, value] : task.command.environment) {
        set_variable(environment, name, value);
    }
    set_variable(environment, "BANSURI_TASK", task.name);
    set_variable(environment, "BANSURI_RUN_ID", std::to_string(id.run));
    set_variable(environment, "BANSURI_ATTEMPT", std::to_string(id.attempt));
    set_variable(environment, "BANSURI_SCHEDULED_AT", format_utc(scheduled_at));
    return environment;
}

void set_variable(Environment& environment, std::string_view name, std::string_view value) {
    std::string variable(name);
    variable.append("=").append(value);
    const auto old = std::find_if(environment.begin(), environment.end(),
                                  [name](const std::string& v) { return name_of(v) == name; });
    if (old != environment.end()) {
        *old = std::move(variable);
    } else {
        environment.push_back(std::move(variable));
    }
}

}  // namespace bansuri::engine
