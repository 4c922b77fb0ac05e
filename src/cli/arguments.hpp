// SPDX-License-Identifier: MIT
//
// The command line as a value: what was asked for, checked, and nothing done yet.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "cli/client_commands.hpp"
#include "cli/import_file.hpp"

namespace bansuri::cli {

enum class LogFormat { text, json };

struct LogOptions {
    LogFormat format = LogFormat::text;
    std::string level = "info";  ///< trace, debug, info, warn, error, off
};

struct RunCommand {
    std::string config;
    LogOptions log;
    std::optional<std::string> state;
    bool once = false;
    bool use_cgroups = true;
};
struct ExecCommand {
    std::string config;
    LogOptions log;
    std::string task;
    bool use_cgroups = true;
};
struct CheckCommand {
    std::string config;
    bool json = false;
};
struct SchemaCommand {};
struct NextCommand {
    std::string config;
    std::string subject;  ///< an expression, or the name of a task
    std::optional<std::string> zone;
    std::optional<std::string> from;
    std::int64_t count = 1;
    bool batch = false;
};
/// The command line said all itself: --help, --version, or it was wrong.
struct Answered {
    int exit_code = 0;
};

using Command = std::variant<Answered, RunCommand, ExecCommand, CheckCommand, SchemaCommand,
                             ImportCommand, NextCommand, StatusCommand, HistoryCommand, LogsCommand,
                             WhyCommand, ReloadCommand, ShutdownCommand, RestartDaemonCommand>;

/// Help and version are printed on stdout, what is wrong on stderr; then the answer is Answered
/// with 0 or 2.
Command parse_arguments(int argc, const char* const* argv, const std::string& version);

}  // namespace bansuri::cli
