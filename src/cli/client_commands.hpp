// SPDX-License-Identifier: MIT
//
// The commands that ask a daemon. Each takes what was asked for and what is around it, and returns
// the exit code: 0, 1 if it failed, 2 for wrong usage, 3 if no daemon is reachable.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/api_client.hpp"
#include "cli/surroundings.hpp"
#include "core/time.hpp"

namespace bansuri::cli {

/// What every command of the client takes.
struct ClientOptions {
    std::optional<std::string> state;
    bool json = false;  ///< print what the API answers
};

struct StatusCommand {
    ClientOptions client;
    std::vector<std::string> tasks;  ///< names, or patterns with * ? []; none: all
};
struct HistoryCommand {
    ClientOptions client;
    std::string task;  ///< empty: all
    std::uint64_t count = 20;
    std::string outcome;  ///< empty: any
};
struct LogsCommand {
    ClientOptions client;
    std::string task;
    bool follow = false;
    std::optional<std::uint64_t> run;      ///< nothing: the latest
    std::optional<std::uint32_t> attempt;  ///< nothing: all that are kept
    /// How often a follower looks, and how long it bears with a daemon that is not there.
    std::chrono::milliseconds interval{200};
    std::chrono::milliseconds patience{10'000};
};
struct WhyCommand {
    ClientOptions client;
    std::string task;
};
struct ReloadCommand {
    ClientOptions client;
};
struct ShutdownCommand {
    ClientOptions client;
    Duration timeout = std::chrono::minutes(5);
};
struct RestartDaemonCommand {
    ClientOptions client;
    Duration timeout = std::chrono::seconds(30);
};

int execute(const StatusCommand& command, ApiClient& api, const Surroundings& around);
int execute(const HistoryCommand& command, ApiClient& api, const Surroundings& around);
int execute(const LogsCommand& command, ApiClient& api, const Surroundings& around);
int execute(const WhyCommand& command, ApiClient& api, const Surroundings& around);
int execute(const ReloadCommand& command, ApiClient& api, const Surroundings& around);
int execute(const ShutdownCommand& command, ApiClient& api, const Surroundings& around);
int execute(const RestartDaemonCommand& command, ApiClient& api, const Surroundings& around);

}  // namespace bansuri::cli
