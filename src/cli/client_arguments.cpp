// SPDX-License-Identifier: MIT
#include "cli/client_arguments.hpp"

#include <CLI/CLI.hpp>

#include "core/duration.hpp"

namespace bansuri::cli {
namespace {

void add_timeout(CLI::App& command, Duration& timeout, const char* shown) {
    command
        .add_option_function<std::string>(
            "--timeout",
            [&timeout](const std::string& text) {
                const auto parsed = parse_duration(text);
                if (!parsed) throw CLI::ValidationError("--timeout", parsed.error().message);
                timeout = *parsed;
            },
            "How long to wait for it")
        ->default_str(shown)
        ->type_name("DURATION");
}

}  // namespace

void add_state(CLI::App& command, std::optional<std::string>& state) {
    command
        .add_option("--state", state,
                    "The state directory; default: $BANSURI_STATE, $STATE_DIRECTORY, "
                    "/var/lib/bansuri for root, else $XDG_STATE_HOME/bansuri or "
                    "~/.local/state/bansuri")
        ->type_name("DIR");
}

CLI::App& ClientArguments::add(CLI::App& app, const char* name, const char* description,
                               const char* example, bool& json) {
    CLI::App& command = *app.add_subcommand(name, description);
    add_state(command, state_);
    command.add_flag("--json", json, "Print what the daemon answers, as JSON");
    command.footer(std::string("Exit codes: 0 fine, 1 it failed, 2 wrong usage, 3 no daemon is "
                               "reachable.\nExample: ") +
                   example);
    return command;
}

ClientArguments::ClientArguments(CLI::App& app, std::optional<std::string>& state) : state_(state) {
    status_app_ = &add(app, "status", "Show where each task stands", "bansuri status 'backup-*'",
                       status_.client.json);
    status_app_->add_option("TASK", status_.tasks, "Names, or patterns with * ? []; default: all");

    history_app_ = &add(app, "history", "Show what has run and what was skipped, newest first",
                        "bansuri history backup -n 5 --outcome FAILED", history_.client.json);
    history_app_->add_option("TASK", history_.task, "Only of this task");
    history_app_->add_option("-n,--count", history_.count, "How many")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}))
        ->capture_default_str();
    history_app_
        ->add_option("--outcome", history_.outcome,
                     "Only these: SUCCESS, FAILED, TIMEOUT, STOPPED, SKIPPED or LOST")
        ->type_name("OUTCOME");

    logs_app_ = &add(app, "logs", "Print what the latest run of a task has printed",
                     "bansuri logs -f backup", logs_.client.json);
    logs_app_->add_option("TASK", logs_.task, "The name of the task")->required();
    logs_app_->add_flag("-f,--follow", logs_.follow,
                        "Go on with what is printed from now on, attempt after attempt and run "
                        "after run");
    logs_app_->add_option("--run", logs_.run, "Of this run instead of the latest")->type_name("ID");
    logs_app_->add_option("--attempt", logs_.attempt, "Only of this attempt")->type_name("N");

    why_app_ = &add(app, "why", "Tell why a task runs, waits, was skipped or is stopped",
                    "bansuri why backup", why_.client.json);
    why_app_->add_option("TASK", why_.task, "The name of the task")->required();

    reload_app_ =
        &add(app, "reload", "Have the configuration read again now, and tell what changed",
             "bansuri reload", reload_.client.json);

    shutdown_app_ = &add(app, "shutdown", "End all runs and then Bansuri itself; wait for it",
                         "bansuri shutdown --timeout 1m", shutdown_.client.json);
    add_timeout(*shutdown_app_, shutdown_.timeout, "5m");

    restart_daemon_app_ = &add(app, "restart-daemon",
                               "Replace the daemon, as after an upgrade; what runs goes on running",
                               "bansuri restart-daemon", restart_daemon_.client.json);
    add_timeout(*restart_daemon_app_, restart_daemon_.timeout, "30s");
}

ClientArguments::Command ClientArguments::chosen() const {
    if (status_app_->parsed()) return complete(status_);
    if (history_app_->parsed()) return complete(history_);
    if (logs_app_->parsed()) return complete(logs_);
    if (why_app_->parsed()) return complete(why_);
    if (reload_app_->parsed()) return complete(reload_);
    if (shutdown_app_->parsed()) return complete(shutdown_);
    if (restart_daemon_app_->parsed()) return complete(restart_daemon_);
    return std::monostate{};
}

}  // namespace bansuri::cli
