// SPDX-License-Identifier: MIT
#include "cli/import_arguments.hpp"

#include <CLI/CLI.hpp>

namespace bansuri::cli {

ImportArguments::ImportArguments(CLI::App& app) {
    CLI::App* const import_app = app.add_subcommand(
        "import",
        "Print a scripts.json made from a file of cron, of supervisord or of the Python "
        "program");
    import_app->require_subcommand(1);
    import_app->footer(
        "What could not be carried over, and what is different now, is told in comments.\n"
        "Example: bansuri import crontab /etc/crontab > scripts.json");
    crontab_ = &add(*import_app, "crontab", "A crontab, of a user or of the system",
                    "bansuri import crontab /etc/cron.d/sysstat\n"
                    "         crontab -l | bansuri import crontab - > scripts.json");
    CLI::Option* const user = crontab_->add_flag(
        "--user", user_, "It is a user's crontab, as `crontab -l` prints it; the default");
    crontab_
        ->add_flag("--system", system_,
                   "It names a user before each command; the default for /etc/crontab and files in "
                   "/etc/cron.d")
        ->excludes(user);
    supervisor_ = &add(*import_app, "supervisor",
                       "A configuration of supervisord, with the files that it includes",
                       "bansuri import supervisor /etc/supervisor/supervisord.conf");
    bansuri_ = &add(*import_app, "bansuri", "A scripts.json of the Python program of the same name",
                    "bansuri import bansuri old/scripts.json");
}

CLI::App& ImportArguments::add(CLI::App& import_app, const char* format, const char* description,
                               const char* example) {
    CLI::App* const app = import_app.add_subcommand(format, description);
    app->add_option("FILE", command_.file, "The file; - for standard input")->required();
    app->footer(std::string("Example: ") + example);
    return *app;
}

std::optional<ImportCommand> ImportArguments::chosen() const {
    ImportCommand command = command_;
    if (crontab_->parsed()) {
        command.format = ForeignFormat::crontab;
        using imports::CrontabForm;
        if (user_) command.form = CrontabForm::user;
        if (system_) command.form = CrontabForm::system;
    } else if (supervisor_->parsed()) {
        command.format = ForeignFormat::supervisor;
    } else if (bansuri_->parsed()) {
        command.format = ForeignFormat::bansuri;
    } else {
        return std::nullopt;
    }
    return command;
}

}  // namespace bansuri::cli
