// SPDX-License-Identifier: MIT
#include "import/supervisor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "import/draft.hpp"
#include "import/expansion.hpp"
#include "import/ini.hpp"
#include "import/supervisor_program.hpp"

namespace bansuri::imports {
namespace {

constexpr std::size_t most_patterns = 100;

std::vector<std::string> words_of(std::string_view text, std::string_view separators) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
        if (end > at) words.emplace_back(text.substr(at, end - at));
        at = end + 1;
    }
    return words;
}

std::string directory_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
}

/// What a section of another kind was for, and what there is in its place.
std::string_view purpose_of(std::string_view kind) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 7> purposes = {{
        {"unix_http_server", "Bansuri listens on a socket in its state directory by itself"},
        {"inet_http_server", "the dashboard and the API have the key \"listen\""},
        {"supervisorctl", "bansuri status, logs and their like find the daemon by themselves"},
        {"rpcinterface", "Bansuri has an API of its own"},
        {"ctlplugin", "bansuri has no plug-ins on the command line"},
        {"eventlistener",
         "a listener speaks supervisord's event protocol on its input and output; for failures "
         "there is \"notify\""},
        {"fcgi-program",
         "its processes are handed a listening socket, which Bansuri does not do; let the program "
         "open it, or use a process manager for FastCGI"},
    }};
    for (const auto& [name, purpose] : purposes) {
        if (name == kind) return purpose;
    }
    return {};
}

class SupervisorImport {
  public:
    explicit SupervisorImport(const SupervisorOptions& options) : options_(options) {}

    Result<std::string> run(std::string_view text) && {
        if (!ini_.read(text, options_.here)) {
            return fail(ErrorCode::config_invalid,
                        "it is no configuration of supervisord: something stands before its first "
                        "[section]");
        }
        read_included();
        read_globals();
        read_groups();
        for (const IniSection& section : ini_.sections()) read(section);
        for (const std::string& problem : ini_.problems()) draft_.remark(problem);
        if (!understood_) {
            return fail(ErrorCode::config_invalid,
                        "no section in it is one of supervisord's, as [program:x] is");
        }
        tell_in_front();
        return std::move(draft_).finish();
    }

  private:
    std::optional<std::string> lookup(std::string_view name, const std::string& here) const {
        if (name == "here") return here;
        if (name == "host_node_name" && !options_.host_name.empty()) return options_.host_name;
        return std::nullopt;
    }

    /// A value of [supervisord] or [include]; empty if it is not set or cannot be made out.
    std::string value_of(const IniSection& section, const std::string& key) {
        const auto found = section.options.find(key);
        if (found == section.options.end()) return {};
        auto value = expand(found->second,
                            [&](std::string_view name) { return lookup(name, section.here); });
        if (value) return *std::move(value);
        draft_.notes.push_back(
            fmt::format("Left out: [{}] {}: {}.", section.name, key, value.error().message));
        return {};
    }

    void read_included() {
        const IniSection* const include = ini_.find("include");
        if (include == nullptr) return;
        // A copy: the sections move when others are read. Included files include no others.
        const std::string files = value_of(*include, "files");
        std::size_t number = 0;
        for (const std::string& pattern : words_of(files, " \t\r\n")) {
            if (++number > most_patterns) {
                draft_.notes.push_back(
                    fmt::format("[include] names more than {} patterns; the others are not read.",
                                most_patterns));
                return;
            }
            const std::string path =
                pattern.starts_with('/') ? pattern : options_.here + '/' + pattern;
            const std::vector<IncludedFile> found = options_.include(path);
            if (found.empty()) {
                draft_.notes.push_back(
                    fmt::format("[include] files={}: there is no such file.", shown(pattern)));
            }
            for (const IncludedFile& file : found) {
                if (!file.text) {
                    draft_.notes.push_back(fmt::format("Not read: {}.", file.text.error().message));
                } else if (ini_.read(*file.text, directory_of(file.path))) {
                    draft_.notes.push_back(fmt::format("Included: {}.", shown(file.path)));
                } else {
                    draft_.notes.push_back(
                        fmt::format("Not read: {}: something stands before its first [section].",
                                    shown(file.path)));
                }
            }
        }
    }

    void read_globals() {
        globals_.host_name = options_.host_name;
        globals_.defaults = ini_.defaults();
        const IniSection* const daemon = ini_.find("supervisord");
        if (daemon == nullptr) return;
        understood_ = true;
        globals_.user = value_of(*daemon, "user");
        globals_.umask = value_of(*daemon, "umask");
        if (const std::string directory = value_of(*daemon, "directory"); !directory.empty()) {
            globals_.directory =
                directory.starts_with('/') ? directory : options_.here + '/' + directory;
        }
        const auto variables = read_variables(value_of(*daemon, "environment"));
        if (variables) {
            globals_.environment = {variables->begin(), variables->end()};
        } else {
            draft_.notes.push_back(
                fmt::format("Left out: [supervisord] {}.", variables.error().message));
        }
        std::string left;
        for (const auto& [key, value] : daemon->options) {
            if (key == "user" || key == "umask" || key == "directory" || key == "environment") {
                continue;
            }
            left += (left.empty() ? "" : ", ") + key;
        }
        if (left.empty()) return;
        draft_.notes.push_back(fmt::format(
            "Of [supervisord] without a like here: {}. Bansuri logs to its standard error, keeps "
            "its state in one directory (--state), and stays in the foreground.",
            shown(left, 1000)));
    }

    void read_groups() {
        for (const IniSection& section : ini_.sections()) {
            if (!section.name.starts_with("group:")) continue;
            understood_ = true;
            const std::string group = section.name.substr(6);
            const auto programs = section.options.find("programs");
            if (programs == section.options.end()) continue;
            for (const std::string& program : words_of(programs->second, ", \t\r\n")) {
                if (ini_.find("program:" + program) != nullptr) {
                    auto& groups = groups_[program];
                    if (groups.empty() || groups.back() != group) groups.push_back(group);
                } else if (ini_.find("fcgi-program:" + program) == nullptr) {
                    draft_.remark(fmt::format("[{}] names {}, which there is not.",
                                              shown(section.name), shown(program)));
                }
            }
            if (section.options.count("priority") > 0) {
                draft_.remark(fmt::format("[{}] priority={}: all tasks start at once here.",
                                          shown(section.name),
                                          shown(section.options.at("priority"))));
            }
        }
    }

    void read(const IniSection& section) {
        const std::string kind = section.name.substr(0, section.name.find(':'));
        if (kind == "program" && section.name.size() > 8) {
            understood_ = true;
            ++programs_;
            const auto groups = groups_.find(section.name.substr(8));
            add_program(section,
                        groups == groups_.end() ? std::vector<std::string>() : groups->second,
                        globals_, names_, draft_);
            return;
        }
        if (kind == "supervisord" || kind == "group" || kind == "include") return;
        const std::string_view purpose = purpose_of(kind);
        if (purpose.empty()) {
            draft_.remark(fmt::format("Not carried over: [{}]: supervisord knows no such section.",
                                      shown(section.name)));
            return;
        }
        understood_ = true;
        const auto command = section.options.find("command");
        draft_.remark(fmt::format(
            "Not carried over: [{}]{}: {}.", shown(section.name),
            command == section.options.end() ? "" : ", command " + shown(command->second),
            purpose));
    }

    void tell_in_front() {
        Notes notes = {fmt::format("From {}: {} program{}.", shown(options_.origin), programs_,
                                   programs_ == 1 ? "" : "s")};
        if (programs_ > 0) {
            notes.emplace_back("Stop supervisord before Bansuri starts them, or they run twice.");
            notes.emplace_back(
                "A program is a task that runs once, from the start of Bansuri on, and is started "
                "again when it fails: at once, then after 1s, 2s, 4s and so on up to a minute, "
                "without an end. supervisord starts it again at once, and gives up after "
                "startretries starts that fail within startsecs. \"times\" sets an end here, "
                "\"restart-delay\" and \"restart-backoff\" other pauses.");
            notes.emplace_back(
                "The variables SUPERVISOR_ENABLED, SUPERVISOR_SERVER_URL, SUPERVISOR_PROCESS_NAME "
                "and SUPERVISOR_GROUP_NAME are not set; BANSURI_TASK is.");
        }
        draft_.notes.insert(draft_.notes.begin(), notes.begin(), notes.end());
    }

    const SupervisorOptions& options_;
    Ini ini_;
    SupervisorGlobals globals_;
    std::map<std::string, std::vector<std::string>> groups_;
    TaskNames names_;
    Draft draft_;
    bool understood_ = false;
    std::size_t programs_ = 0;
};

}  // namespace

Result<std::string> import_supervisor(std::string_view text, const SupervisorOptions& options) {
    return SupervisorImport(options).run(text);
}

}  // namespace bansuri::imports
