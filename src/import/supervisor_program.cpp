// SPDX-License-Identifier: MIT
#include "import/supervisor_program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "import/shell_words.hpp"

namespace bansuri::imports {
namespace {

constexpr long most_processes = 1000;

bool is_known(const std::string& key) {
    constexpr std::string_view keys =
        " command process_name numprocs numprocs_start directory umask priority autostart "
        "autorestart startsecs startretries exitcodes stopsignal stopwaitsecs stopasgroup "
        "killasgroup "
        "user redirect_stderr environment serverurl stdout_logfile stdout_logfile_maxbytes "
        "stdout_logfile_backups stdout_capture_maxbytes stdout_events_enabled stdout_syslog "
        "stderr_logfile stderr_logfile_maxbytes stderr_logfile_backups stderr_capture_maxbytes "
        "stderr_events_enabled stderr_syslog ";
    return keys.find(' ' + key + ' ') != std::string_view::npos;
}

/// One process of a program on its way to a task.
class Process {
  public:
    Process(ProgramOptions options, const SupervisorGlobals& globals)
        : options_(std::move(options)), globals_(globals) {}

    /// Nothing if there is no task of it; `why` is set then.
    std::optional<DraftTask> make(long number, long count, TaskNames& names, std::string& why) {
        task_ = {};
        if (auto set = options_.turn_to(number, count); !set) {
            return refuse(set.error().message, why);
        }
        const auto command = command_of();
        if (!command) return refuse(command.error().message, why);
        const auto name = options_.value("process_name", "%(program_name)s");
        if (!name) return refuse(name.error().message, why);
        task_.set("name", names.give(full_name(*name)));
        task_.set("command", *command);
        if (auto set = set_identity(); !set) return refuse(set.error().message, why);
        if (auto set = set_directory(); !set) return refuse(set.error().message, why);
        if (!options_.environment().empty()) task_.set("environment", options_.environment());
        set_life();
        set_stop();
        set_output();
        tell_the_rest();
        task_.notes = options_.take_notes();
        return std::move(task_);
    }

  private:
    static std::optional<DraftTask> refuse(const std::string& reason, std::string& why) {
        why = reason;
        return std::nullopt;
    }

    /// supervisord starts programs without a shell: each word that a shell would read otherwise is
    /// quoted, and only variables of supervisord's own environment are left to the shell.
    Result<std::string> command_of() const {
        const auto refused = [](std::string_view why) {
            return fail(ErrorCode::config_invalid, fmt::format("command: {}", why));
        };
        const std::string* const written = options_.written("command");
        if (written == nullptr || written->empty()) return refused("there is none");
        if (written->find_first_of("\x01\x02") != std::string::npos) {
            return refused("it holds control characters");
        }
        auto expanded = options_.value("command", {}, true);
        if (!expanded) return expanded;
        const auto words = split_words(*expanded);
        if (!words) return refused("a quote or a backslash is left open");
        if (words->empty()) return refused("there is none");
        std::string line;
        bool plain = true;
        for (const std::string& word : *words) {
            const std::string quoted = word_for_shell(word);
            plain = plain && quoted == word;
            if (!line.empty()) line += ' ';
            line += quoted;
        }
        // A first word like A=b would be a variable to the shell.
        if (words->front().find('=') != std::string::npos) {
            return refused("its first word holds a \"=\"");
        }
        // Without a shell in between, the process that is watched is the program itself.
        return plain ? line : "exec " + line;
    }

    static std::string word_for_shell(std::string_view word) {
        std::string quoted;
        for (std::size_t at = 0; at < word.size() || quoted.empty();) {
            const std::size_t begin =
                std::min(word.find(ProgramOptions::variable_begins, at), word.size());
            if (begin > at || word.empty()) quoted += shell_word(word.substr(at, begin - at));
            if (begin == word.size()) break;
            const std::size_t end = word.find(ProgramOptions::variable_ends, begin);
            quoted += "\"${" + std::string(word.substr(begin + 1, end - begin - 1)) + "}\"";
            at = end + 1;
        }
        return quoted;
    }

    std::string full_name(const std::string& process) const {
        if (process.starts_with(options_.program())) return process;
        return options_.program() + ':' + process;
    }

    Result<void> set_identity() {
        const auto user = options_.value("user", globals_.user);
        if (!user) return tl::unexpected(user.error());
        if (!user->empty()) {
            const bool number = number_in(*user).has_value();
            task_.set("user", *user, number ? "supervisord takes a number; write the name." : "");
        }
        const auto mask = options_.value("umask", globals_.umask);
        if (!mask) return tl::unexpected(mask.error());
        if (mask->empty()) return {};
        std::string digits = *mask;
        digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
        digits.insert(0, digits.size() < 3 ? 3 - digits.size() : 0, '0');
        task_.set("umask", '0' + digits);
        return {};
    }

    Result<void> set_directory() {
        const auto directory = options_.value("directory", globals_.directory);
        if (!directory) return tl::unexpected(directory.error());
        task_.set("working-directory", absolute(*directory));
        return {};
    }
    std::string absolute(const std::string& path) const {
        if (path.starts_with('/')) return path;
        return globals_.directory + (globals_.directory.ends_with('/') ? "" : "/") + path;
    }

    /// When it is started, and started again.
    void set_life() {
        if (!options_.flag("autostart", true)) {
            task_.set("enabled", false, "autostart=false: it waits until somebody starts it.");
        }
        const std::string again = lowered(options_.text("autorestart").value_or("unexpected"));
        const auto always = boolean_in(again);
        if (always == true) {
            task_.set(
                "timer", "5s",
                "autorestart=true: it is started again whatever its exit code. After a failure "
                "that is at once and then with growing pauses (on-fail), after a success within "
                "five seconds (timer). While it runs, the instants are skipped and nothing "
                "happens.");
            task_.set("overlap", "skip");
            task_.set("on-fail", "restart");
        } else if (always == false) {
            task_.set("on-fail", "stop", "autorestart=false");
        } else {
            if (again != "unexpected") {
                options_.note(
                    fmt::format("autorestart={} is not of supervisord; taken as \"unexpected\".",
                                shown(again)));
            }
            task_.set("on-fail", "restart");
        }
        set_success_codes();
        const auto tries = options_.number("startretries");
        if (tries && *tries >= 0 && always != false) {
            options_.note(fmt::format(
                "startretries={}: supervisord gives up after {} failed starts in a row. "
                "Bansuri does not tell a failed start from a later failure: it goes on, "
                "with pauses that grow to a minute. \"times\": {} would end it after so "
                "many attempts.",
                *tries, *tries + 1, *tries + 1));
        }
        if (const auto seconds = options_.number("startsecs"); seconds && *seconds != 1) {
            options_.note(fmt::format(
                "startsecs={}: a process counts as running from its start on here.", *seconds));
        }
    }

    void set_success_codes() {
        const auto text = options_.text("exitcodes");
        if (!text) return;
        Json codes = Json::array();
        for (std::size_t at = 0; at <= text->size();) {
            const std::size_t comma = std::min(text->find(',', at), text->size());
            std::string_view word = std::string_view(*text).substr(at, comma - at);
            word.remove_prefix(std::min(word.find_first_not_of(' '), word.size()));
            word = word.substr(0, word.find_last_not_of(' ') + 1);
            const auto code = number_in(word);
            if (!code || *code < 0 || *code > 255) {
                options_.note(fmt::format("Left out: exitcodes={}: they are numbers from 0 to 255.",
                                          shown(*text)));
                return;
            }
            if (std::find(codes.begin(), codes.end(), Json(*code)) == codes.end()) {
                codes.push_back(*code);
            }
            at = comma + 1;
        }
        if (codes != Json::array({0})) task_.set("success-codes", std::move(codes));
    }

    void set_stop() {
        if (const auto seconds = options_.number("stopwaitsecs"); seconds && *seconds != 10) {
            task_.set("stop-timeout", fmt::format("{}s", *seconds));
        }
        const auto signal = options_.text("stopsignal");
        if (signal && *signal != "TERM" && *signal != "SIGTERM" && *signal != "15") {
            options_.note(fmt::format(
                "stopsignal={}: Bansuri stops with SIGTERM. If the program does something "
                "else then, start it by a script that traps TERM.",
                shown(*signal)));
        }
        const auto is_refused = [this](const char* key) {
            return options_.written(key) != nullptr && !options_.flag(key, false);
        };
        const bool refused = is_refused("stopasgroup");
        if (is_refused("killasgroup") || refused) {
            options_.note(
                "stopasgroup, killasgroup: Bansuri always ends the whole process group, and all "
                "that "
                "belongs to the run.");
        }
    }

    struct LogFile {
        enum class Kind { captured, ignored, file } kind = Kind::captured;
        std::string path;
    };
    LogFile log_of(const std::string& stream) {
        const std::string key = stream + "_logfile";
        const auto text = options_.text(key);
        const std::string word = lowered(text.value_or("auto"));
        if (word == "auto") return {};
        if (word == "none" || word == "off") return {LogFile::Kind::ignored, {}};
        if (word == "syslog") {
            options_.note(
                key +
                "=syslog: Bansuri keeps the output itself, and prints it with the task's name.");
            return {};
        }
        if (word == "/dev/stdout" || word == "/dev/stderr" || word.starts_with("/dev/fd/")) {
            options_.note(
                fmt::format("{}={}: that is where output goes without a key.", key, shown(*text)));
            return {};
        }
        if (text->starts_with('~')) {
            options_.note(fmt::format("Left out: {}={}: write the path of the home directory.", key,
                                      shown(*text)));
            return {};
        }
        for (const char* const end : {"_maxbytes", "_backups"}) {
            const std::string* const rotation = options_.written(key + end);
            if (rotation != nullptr) {
                options_.note(fmt::format("{}{}={}: Bansuri rotates no files; logrotate(8) does.",
                                          key, end, shown(*rotation)));
            }
        }
        return {LogFile::Kind::file, absolute(*text)};
    }

    void set_output() {
        using Kind = LogFile::Kind;
        const LogFile out = log_of("stdout");
        if (out.kind == Kind::file) task_.set("stdout", out.path);
        if (options_.flag("redirect_stderr", false)) {
            if (out.kind == Kind::ignored) task_.set("stdout", "ignore");
            task_.set("stderr", "combined");
            return;
        }
        const LogFile err = log_of("stderr");
        if (err.kind == Kind::file) task_.set("stderr", err.path);
        if (err.kind == Kind::ignored) task_.set("stderr", "ignore");
        if (err.kind != Kind::captured) {
            if (out.kind == Kind::ignored) task_.set("stdout", "ignore");
        } else if (out.kind == Kind::ignored) {
            options_.note(
                "stdout_logfile=NONE: the output is kept all the same, because stderr, which is to "
                "be kept, goes where stdout goes.");
        } else if (out.kind == Kind::file) {
            options_.note("stderr, which had a file of its own (AUTO), goes where stdout goes.");
        }
    }

    void tell_the_rest() {
        const auto tell_if_set = [this](const char* key, std::string_view why) {
            const std::string* const text = options_.written(key);
            if (text == nullptr || boolean_in(*text) == false) return;
            options_.note(fmt::format("{}={}: {}", key, shown(*text), why));
        };
        tell_if_set("priority",
                    "it is an order of starting and stopping, no nice value; all tasks start at "
                    "once here.");
        for (const char* const key : {"stdout_capture_maxbytes", "stderr_capture_maxbytes",
                                      "stdout_events_enabled", "stderr_events_enabled"}) {
            tell_if_set(key, "there are no event listeners.");
        }
        for (const char* const key : {"stdout_syslog", "stderr_syslog"}) {
            tell_if_set(key,
                        "Bansuri keeps the output itself, and prints it with the task's name.");
        }
        tell_if_set("serverurl", "there is no supervisord to talk to.");
        for (const auto& [key, value] : options_.section().options) {
            if (!is_known(key)) {
                options_.note(fmt::format("{}={}: supervisord does not know it either.", shown(key),
                                          shown(value)));
            }
        }
    }

    ProgramOptions options_;
    const SupervisorGlobals& globals_;
    DraftTask task_;
};

}  // namespace

void add_program(const IniSection& section, const std::vector<std::string>& groups,
                 const SupervisorGlobals& globals, TaskNames& names, Draft& draft) {
    const std::string program = section.name.substr(section.name.find(':') + 1);
    const auto number_of = [&](const char* key, long fallback) -> std::optional<long> {
        const auto own = section.options.find(key);
        if (own == section.options.end()) return fallback;
        return number_in(own->second);
    };
    const auto leave_out = [&](const std::string& why) {
        draft.remark(fmt::format("Not carried over: [{}]: {}.", shown(section.name), why));
    };
    const auto count = number_of("numprocs", 1);
    const auto first = number_of("numprocs_start", 0);
    if (!count || !first || *count < 1 || *count > most_processes || *first < 0 ||
        *first > 1'000'000'000) {
        return leave_out(fmt::format("numprocs has to be a number from 1 to {}", most_processes));
    }
    const auto pattern = section.options.find("process_name");
    if (*count > 1 && (pattern == section.options.end() ||
                       pattern->second.find("%(process_num)") == std::string::npos)) {
        return leave_out("process_name needs %(process_num) where numprocs is more than 1");
    }
    Process process(
        ProgramOptions(section, globals, program, groups.empty() ? program : groups.front()),
        globals);
    for (long number = *first; number < *first + *count; ++number) {
        std::string why;
        auto task = process.make(number, *count, names, why);
        if (!task) return leave_out(why);
        Json tags(groups);
        if (*count > 1) tags.push_back(program);
        if (!tags.empty()) task->set("tags", std::move(tags));
        draft.add(*std::move(task));
        if (draft.full()) return;
    }
}

}  // namespace bansuri::imports
