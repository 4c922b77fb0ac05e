// SPDX-License-Identifier: MIT
#include "cli/arguments.hpp"

#include <CLI/CLI.hpp>
#include <iostream>
#include <type_traits>

#include "cli/client_arguments.hpp"
#include "cli/import_arguments.hpp"

namespace bansuri::cli {
namespace {

/// What may stand before a command as well as after it.
struct Shared {
    std::string config = "scripts.json";
    LogOptions log;
    std::optional<std::string> state;
    bool use_cgroups = true;
};

void add_config(CLI::App& command, std::string& config) {
    command.add_option("-c,--config", config, "The configuration file")
        ->capture_default_str()
        ->type_name("FILE");
}

void add_log(CLI::App& command, LogOptions& log) {
    command
        .add_option_function<std::string>(
            "--log-format",
            [&log](const std::string& name) {
                log.format = name == "json" ? LogFormat::json : LogFormat::text;
            },
            "text for people or json for machines")
        ->check(CLI::IsMember({"text", "json"}).description(""))
        ->default_str("text")
        ->type_name("FORMAT");
    command
        .add_option("--log-level", log.level,
                    "The least level that is logged: trace, debug, info, warn, error or off")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}).description(""))
        ->capture_default_str()
        ->type_name("LEVEL");
}

void add_cgroups(CLI::App& command, bool& use_cgroups) {
    command.add_flag_callback(
        "--no-cgroups", [&use_cgroups] { use_cgroups = false; },
        "Do not contain runs in cgroups, even where that is possible");
}

void add_run(CLI::App& command, Shared& shared, bool& once) {
    add_config(command, shared.config);
    add_state(command, shared.state);
    add_log(command, shared.log);
    add_cgroups(command, shared.use_cgroups);
    command.add_flag(
        "--once", once,
        "Run what is due at start-up, once; wait for it; exit with 1 if anything failed");
}

}  // namespace

Command parse_arguments(int argc, const char* const* argv, const std::string& version) {
    CLI::App app("Bansuri runs and watches the jobs of a machine.", "bansuri");
    app.set_version_flag("--version", "bansuri " + version);
    app.require_subcommand(0, 1);
    app.footer(
        "Without a command it runs.\nExample: bansuri -c scripts.json\n"
        "Exit codes: 0 fine, 1 it failed or the configuration is invalid, 2 wrong usage,\n"
        "3 no daemon is reachable.");

    Shared shared;
    bool once = false;
    add_run(app, shared, once);
    CLI::App* const run_app = app.add_subcommand("run", "Run the tasks of a configuration");
    add_run(*run_app, shared, once);
    run_app->footer("Example: bansuri run -c /etc/bansuri/scripts.json --log-format json");

    ExecCommand exec;
    CLI::App* const exec_app = app.add_subcommand(
        "exec", "Run one task once in the foreground, under its whole policy, without a daemon");
    add_config(*exec_app, shared.config);
    add_log(*exec_app, shared.log);
    add_cgroups(*exec_app, shared.use_cgroups);
    exec_app->add_option("TASK", exec.task, "The name of the task")->required();
    exec_app->footer(
        "Exits with the command's own code; 128 + N for signal N, 124 for a time-out,\n"
        "126 if it could not start.\nExample: bansuri exec backup");

    CheckCommand check;
    CLI::App* const check_app =
        app.add_subcommand("check", "Check a configuration and tell all that is wrong with it");
    add_config(*check_app, shared.config);
    check_app->add_option("FILE", shared.config, "The same as --config FILE");
    check_app->add_flag("--json", check.json, "Print the findings as JSON");
    check_app->footer("Example: bansuri check scripts.json");

    CLI::App* const schema_app =
        app.add_subcommand("schema", "Print the JSON Schema of the configuration");
    schema_app->footer("Example: bansuri schema > scripts.schema.json");

    NextCommand next;
    CLI::App* const next_app =
        app.add_subcommand("next", "Print when a cron expression, or a task, is due next");
    add_config(*next_app, shared.config);
    next_app->add_option("EXPR|TASK", next.subject, "A cron expression, or the name of a task");
    next_app->add_option("--tz,--timezone", next.zone, "IANA zone; default: the system's")
        ->type_name("ZONE");
    next_app->add_option("--from", next.from, "Strictly after this time; default: now")
        ->type_name("ISO8601");
    next_app->add_option("-n,--count", next.count, "How many instants")->capture_default_str();
    next_app->add_flag("--batch", next.batch,
                       "Answer JSON lines {\"expr\",\"tz\",\"from\",\"count\"} from stdin");
    next_app->footer("Example: bansuri next --count 3 --tz Europe/Berlin \"30 2 * * *\"");

    const ImportArguments importing(app);
    const ClientArguments client(app, shared.state);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return Answered{app.exit(error, std::cout, std::cerr) == 0 ? 0 : 2};
    }
    if (once && !run_app->parsed() && !app.get_subcommands().empty()) {
        std::cerr << "bansuri: --once belongs to run, not to "
                  << app.get_subcommands().front()->get_name() << "\nExample: bansuri run --once\n";
        return Answered{2};
    }
    if (exec_app->parsed()) {
        exec.config = shared.config;
        exec.log = shared.log;
        exec.use_cgroups = shared.use_cgroups;
        return exec;
    }
    if (check_app->parsed()) {
        check.config = shared.config;
        return check;
    }
    if (schema_app->parsed()) return SchemaCommand{};
    if (const auto wanted = importing.chosen()) return *wanted;
    if (next_app->parsed()) {
        next.config = shared.config;
        if (next.batch == next.subject.empty()) return next;
        std::cerr << "bansuri next: give either an expression, the name of a task, or --batch\n"
                     "Example: bansuri next \"30 2 * * *\"\n";
        return Answered{2};
    }
    return std::visit(
        [&](auto asked) -> Command {
            if constexpr (std::is_same_v<decltype(asked), std::monostate>) {
                return RunCommand{shared.config, shared.log, shared.state, once,
                                  shared.use_cgroups};
            } else {
                return asked;
            }
        },
        client.chosen());
}

}  // namespace bansuri::cli
