// SPDX-License-Identifier: MIT
//
// The options of the commands that ask a daemon.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "cli/client_commands.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace bansuri::cli {

void add_state(CLI::App& command, std::optional<std::string>& state);

/// Adds these commands to a program and holds what was asked for.
class ClientArguments {
  public:
    using Command = std::variant<std::monostate, StatusCommand, HistoryCommand, LogsCommand,
                                 WhyCommand, ReloadCommand, ShutdownCommand, RestartDaemonCommand>;

    ClientArguments(CLI::App& app, std::optional<std::string>& state);
    /// After parsing: the one that was asked for; none if it was another command.
    Command chosen() const;

  private:
    CLI::App& add(CLI::App& app, const char* name, const char* description, const char* example,
                  bool& json);
    template <class Chosen>
    Chosen complete(const Chosen& command) const {
        Chosen chosen = command;
        chosen.client.state = state_;
        return chosen;
    }

    std::optional<std::string>& state_;
    StatusCommand status_;
    HistoryCommand history_;
    LogsCommand logs_;
    WhyCommand why_;
    ReloadCommand reload_;
    ShutdownCommand shutdown_;
    RestartDaemonCommand restart_daemon_;
    CLI::App* status_app_;
    CLI::App* history_app_;
    CLI::App* logs_app_;
    CLI::App* why_app_;
    CLI::App* reload_app_;
    CLI::App* shutdown_app_;
    CLI::App* restart_daemon_app_;
};

}  // namespace bansuri::cli
