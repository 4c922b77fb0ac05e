// SPDX-License-Identifier: MIT
#include "import/crontab.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <utility>

#include "import/crontab_line.hpp"
#include "import/draft.hpp"
#include "import/shell_words.hpp"
#include "import/task_name.hpp"

namespace bansuri::imports {
namespace {

constexpr std::string_view spools[] = {"/var/spool/cron/crontabs/", "/var/spool/cron/"};
constexpr long longest_delay = 24L * 60;     // minutes; cronie refuses more
constexpr std::size_t most_variables = 200;  // every job takes a copy of those before it

bool is_system_path(std::string_view path) {
    return path == "/etc/crontab" || path.starts_with("/etc/cron.d/");
}

/// Of a file in the spool, whose name is the user's.
std::string owner_of(std::string_view path) {
    for (const std::string_view spool : spools) {
        if (!path.starts_with(spool)) continue;
        path.remove_prefix(spool.size());
        return path.find('/') == std::string_view::npos ? std::string(path) : std::string();
    }
    return {};
}

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

/// Cron reads these itself; they mean nothing to a job.
bool is_crons_own(std::string_view name) {
    return name == "MAILTO" || name == "MAILFROM" || name == "CRON_TZ" || name == "RANDOM_DELAY" ||
           name == "CONTENT_TYPE" || name == "CONTENT_TRANSFER_ENCODING" || name == "MLS_LEVEL";
}

class CrontabImport {
  public:
    explicit CrontabImport(const CrontabOptions& options)
        : options_(options),
          system_(options.form == CrontabForm::system ||
                  (options.form == CrontabForm::by_path && is_system_path(options.origin))),
          owner_(system_ ? std::string() : owner_of(options.origin)) {}

    Result<std::string> run(std::string_view text) && {
        if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            ++line_;
            read(text.substr(at, end - at));
            at = end + 1;
            if (draft_.full()) break;
        }
        if (jobs_ + variables_ == 0 && !first_problem_.empty()) {
            return fail(ErrorCode::config_invalid,
                        fmt::format("nothing in it is a line of a crontab; {}", first_problem_));
        }
        tell_in_front();
        return std::move(draft_).finish();
    }

  private:
    void read(std::string_view line) {
        CrontabLine read = read_crontab_line(line, system_);
        if (auto* const variable = std::get_if<VariableLine>(&read)) {
            set_variable(*variable);
        } else if (const auto* const job = std::get_if<JobLine>(&read)) {
            add(*job);
        } else if (const auto* const bad = std::get_if<BadLine>(&read)) {
            if (first_problem_.empty()) {
                first_problem_ = fmt::format("line {}: {}", line_, bad->reason);
            }
            draft_.remark(fmt::format(
                "Not carried over: line {}: {}: {}. (Of such a file cronie passes over the line, "
                "Debian's cron over the whole file.)",
                line_, shown(line), bad->reason));
        }
    }

    /// For the lines that follow.
    void set_variable(VariableLine& variable) {
        ++variables_;
        const std::string& name = variable.name;
        if (name == "LOGNAME" || name == "USER") {
            draft_.remark(
                fmt::format("Not carried over: line {}: {}: cron sets it itself, to the "
                            "name of the user.",
                            line_, name));
            return;
        }
        if (name == "MLS_LEVEL") {
            draft_.remark(
                fmt::format("Not carried over: line {}: MLS_LEVEL={}: Bansuri sets no "
                            "SELinux context.",
                            line_, shown(variable.value)));
            return;
        }
        if (environment_.size() >= most_variables && environment_.count(name) == 0) {
            draft_.remark(fmt::format("Not carried over: line {}: {}: it is the {}st variable.",
                                      line_, shown(name), most_variables + 1));
            return;
        }
        environment_[name] = std::move(variable.value);
    }

    std::string variable(const char* name, std::string fallback = {}) const {
        const auto found = environment_.find(name);
        if (found == environment_.end()) return fallback;
        return found->second.empty() ? fallback : found->second;
    }

    void add(const JobLine& job) {
        ++jobs_;
        DraftTask task;
        task.notes = job.notes;
        const CronCommand command = split_command(job.command);
        task.set("name", names_.give(name_of_command(command.line)));
        set_command(task, command);
        set_schedule(task, job);
        set_identity(task, job);
        set_environment(task);
        set_notification(task);
        task.set("overlap", "allow");
        task.set("on-fail", "continue");
        task.set("clean-environment", true);
        advise(task, job);
        draft_.add(std::move(task));
    }

    /// Cron gives the command to $SHELL and Bansuri to /bin/sh, which so has to start that shell.
    void set_command(DraftTask& task, const CronCommand& command) const {
        const std::string shell = variable("SHELL", "/bin/sh");
        const std::string in_shell = shell_word(shell) + " -c " + shell_word(command.line);
        if (command.input) {
            std::string text = "printf '%s\\n'";
            for (std::size_t at = 0; at < command.input->size();) {
                const std::size_t end = command.input->find('\n', at);
                text += ' ' + shell_word(command.input->substr(at, end - at));
                at = end + 1;
            }
            task.set("command", text + " | " + in_shell,
                     "What stood behind the first % is the command's standard input; here printf "
                     "writes it.");
        } else if (shell == "/bin/sh") {
            task.set("command", command.line);
        } else {
            task.set("command", "exec " + in_shell, fmt::format("SHELL was {}.", shown(shell)));
        }
    }

    void set_schedule(DraftTask& task, const JobLine& job) const {
        if (job.schedule == "@reboot") {
            task.set("schedule-cron", job.schedule,
                     "Cron runs it once after each boot; Bansuri each time that it starts itself.");
        } else {
            task.set("schedule-cron", job.schedule);
            if (const std::string zone = variable("CRON_TZ"); !zone.empty()) {
                task.set("timezone", zone,
                         "CRON_TZ, which only cronie knows: Debian's cron read the times in the "
                         "zone of the system.");
            }
        }
        const std::string delay = variable("RANDOM_DELAY");
        if (delay.empty()) return;
        long minutes = -1;
        std::from_chars(delay.data(), delay.data() + delay.size(), minutes);
        if (minutes < 0 || minutes > longest_delay) {
            task.notes.push_back(fmt::format(
                "Left out: RANDOM_DELAY={}: cronie takes 0 to 1440 minutes.", shown(delay)));
        } else if (minutes > 0 && job.schedule != "@reboot") {
            task.set("jitter", fmt::format("{}m", minutes),
                     "RANDOM_DELAY, which only cronie knows; it delayed each job by the same part "
                     "of it until crond was restarted, Bansuri delays each instant by another.");
        }
    }

    void set_identity(DraftTask& task, const JobLine& job) {
        const std::string user = system_ ? job.user : owner_;
        if (!user.empty()) task.set("user", user);
        std::string home = variable("HOME");
        if (home.empty()) home = home_of(user);
        if (!home.empty()) {
            task.set("working-directory", home);
        } else {
            task.notes.push_back(
                fmt::format("Add \"working-directory\": cron runs it in the home directory of {}, "
                            "which this machine does not know.",
                            user.empty() ? "its user" : shown(user)));
        }
    }

    std::string home_of(const std::string& user) {
        const auto [place, fresh] = homes_.try_emplace(user);
        if (fresh) place->second = options_.home_of(user).value_or("");
        return place->second;
    }

    void set_environment(DraftTask& task) const {
        std::map<std::string, std::string> set = {{"PATH", "/usr/bin:/bin"}, {"SHELL", "/bin/sh"}};
        for (const auto& [name, value] : environment_) {
            if (!is_crons_own(name)) set[name] = value;
        }
        task.set("environment", Json(set));
    }

    void set_notification(DraftTask& task) {
        const auto address = environment_.find("MAILTO");
        if (address == environment_.end()) {
            without_address_ = true;
        } else if (address->second.empty()) {
            task.set("notify", "none");
        } else {
            const std::string& recipient = address->second;
            addresses_.insert(recipient);
            task.set("notify", "mail", fmt::format("MAILTO was {}.", shown(recipient)));
        }
    }

    void advise(DraftTask& task, const JobLine& job) const {
        const auto note = [&task](const char* text) { task.notes.emplace_back(text); };
        if (contains(job.command, "/usr/sbin/anacron")) {
            note(
                "With anacron installed this does nothing, because anacron does it. \"catch-up\": "
                "\"latest\" does here what anacron is for.");
        }
        if (contains(job.command, "/run/systemd/system")) {
            note("Where systemd runs this does nothing, because a timer of the package does it.");
        }
        if (contains(job.command, "run-parts")) {
            note(
                "One task for a directory of scripts. Each as a task of its own would have its own "
                "outcome, time limit and history.");
        }
        if (contains(job.command, "sleep") &&
            (contains(job.command, "rand(") || contains(job.command, "RANDOM"))) {
            note("It waits for a random time by itself; \"jitter\" could do that instead.");
        }
        if (!system_ && job.command.starts_with("root") && job.command.find_first_of(" \t") == 4) {
            note(
                "The command begins with \"root\", as if this were a system crontab: then import "
                "it with --system.");
        }
    }

    void tell_in_front() {
        Notes& notes = draft_.notes;
        notes.push_back(fmt::format("From {}, {}: {} job{}.", shown(options_.origin),
                                    system_ ? "a system crontab" : "a user's crontab", jobs_,
                                    jobs_ == 1 ? "" : "s"));
        if (jobs_ == 0) return;
        notes.emplace_back(
            "Take the jobs out of cron before Bansuri runs them, or they run twice.");
        notes.emplace_back(
            "As cron does it: a job that is due while it still runs runs twice (overlap), a "
            "failure "
            "ends no schedule (on-fail), and jobs have a small environment of their own "
            "(clean-environment, PATH). These are not Bansuri's defaults; \"overlap\": \"skip\" is "
            "often what was meant.");
        if (without_address_) {
            notes.emplace_back(
                "Without MAILTO cron mails whatever a job prints to its owner. Bansuri keeps the "
                "output (bansuri logs) and tells somebody of failures only, with \"notify\": "
                "\"mail\".");
        }
        if (addresses_.empty()) return;
        // Several addresses in one MAILTO stand behind commas.
        std::string recipients;
        for (const std::string& address : addresses_) {
            for (std::size_t at = 0; at < address.size();) {
                const std::size_t end = std::min(address.find_first_of(", ", at), address.size());
                if (end > at) recipients += ' ' + shell_word(address.substr(at, end - at));
                at = end + 1;
            }
        }
        std::string note =
            "For MAILTO, by mail(1), which has to be installed. Cron mailed whatever a job "
            "printed; "
            "Bansuri sends a message when it fails.";
        if (addresses_.size() > 1) {
            note += " Different jobs had different addresses; all messages go to all of them now.";
        }
        draft_.root.push_back({"notify_command",
                               "mail -s 'Bansuri: {task} {outcome}'" + recipients,
                               {std::move(note)}});
    }

    const CrontabOptions& options_;
    bool system_;
    std::string owner_;
    Draft draft_;
    TaskNames names_;
    std::map<std::string, std::string> environment_;
    std::map<std::string, std::string> homes_;
    std::set<std::string> addresses_;
    std::string first_problem_;
    bool without_address_ = false;
    std::size_t line_ = 0;
    std::size_t jobs_ = 0;
    std::size_t variables_ = 0;
};

}  // namespace

Result<std::string> import_crontab(std::string_view text, const CrontabOptions& options) {
    return CrontabImport(options).run(text);
}

}  // namespace bansuri::imports
