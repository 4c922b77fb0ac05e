// SPDX-License-Identifier: MIT
#include "import/task_name.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace bansuri::imports {
namespace {

using Words = std::vector<std::string>;

constexpr std::size_t longest = 100;     // leaves room for a number within 128
constexpr std::size_t most_read = 4096;  // of a command: its name stands in front
constexpr std::string_view no_name = "job";

template <std::size_t Size>
bool is_one_of(std::string_view word, const std::array<std::string_view, Size>& words) {
    return std::find(words.begin(), words.end(), word) != words.end();
}

std::string_view base_name(std::string_view path) {
    while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
    const auto slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view without_extension(std::string_view name) {
    constexpr auto extensions = std::to_array<std::string_view>(
        {".sh", ".py", ".pl", ".rb", ".js", ".php", ".jar", ".bash"});
    for (const std::string_view extension : extensions) {
        if (name.size() > extension.size() && name.ends_with(extension)) {
            return name.substr(0, name.size() - extension.size());
        }
    }
    return name;
}

/// The simple commands of a shell line, roughly: good enough to find a name, not to run anything.
std::vector<Words> simple_commands(std::string_view line) {
    std::vector<Words> commands(1);
    std::string word;
    char quote = 0;
    const auto end_word = [&] {
        if (!word.empty()) commands.back().push_back(std::move(word));
        word.clear();
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != 0) {
            if (c == quote) {
                quote = 0;
            } else {
                word += c;
            }
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '(' && word.ends_with('$')) {
            // What another command prints is part of the word.
            for (std::size_t depth = 1; depth > 0 && ++i < line.size();) {
                if (line[i] == '(') ++depth;
                if (line[i] == ')') --depth;
            }
        } else if (c == '\\' && i + 1 < line.size()) {
            word += line[++i];
        } else if (c == ' ' || c == '\t' || c == '\n') {
            end_word();
        } else if (std::string_view(";|&(){}").find(c) != std::string_view::npos) {
            end_word();
            if (!commands.back().empty()) commands.emplace_back();
        } else {
            word += c;
        }
    }
    end_word();
    return commands;
}

bool is_assignment(std::string_view word) {
    const auto equals = word.find('=');
    return equals != std::string_view::npos && equals > 0 &&
           word.substr(0, equals).find_first_of("/-+. ") == std::string_view::npos;
}

/// Words of the shell and programs that prepare, test or wait.
bool is_beside_the_point(std::string_view word) {
    constexpr auto words = std::to_array<std::string_view>(
        {"test",  "[",    "[[",     "cd",   "sleep", "true",  "false", ":",
         ".",     "set",  "export", "for",  "while", "until", "case",  "unset",
         "umask", "echo", "printf", "date", "mkdir", "fi",    "done",  "ulimit",
         "esac",  "exit", "source", "cat",  "touch", "type",  "which"});
    return is_one_of(word, words);
}

/// Before a command within a command: "then", "nice -n 10", "FOO=bar".
bool leads_on(std::string_view word) {
    constexpr auto words = std::to_array<std::string_view>(
        {"if",      "then",      "else",        "elif",    "do",     "!",       "exec",
         "nice",    "ionice",    "nohup",       "time",    "env",    "chronic", "setsid",
         "timeout", "flock",     "sudo",        "chrt",    "stdbuf", "runuser", "systemd-cat",
         "cronic",  "eatmydata", "invoke-rc.d", "service", "run-one"});
    return is_one_of(word, words);
}

bool runs_scripts(std::string_view word) {
    constexpr auto words = std::to_array<std::string_view>(
        {"sh", "bash", "dash", "zsh", "ksh", "perl", "php", "ruby", "node", "java"});
    return is_one_of(word, words) || word.starts_with("python");
}

/// Whether the word behind the option belongs to it, of the programs above.
bool takes_value(std::string_view program, std::string_view option) {
    if (program == "nice") return option == "-n";
    if (program == "ionice") return option == "-n" || option == "-c";
    if (program == "sudo") return option == "-u" || option == "-g";
    if (program == "timeout") return option == "-k" || option == "-s";
    if (program == "runuser") return option == "-u";
    if (program == "flock") return option == "-w" || option == "-E";
    return false;
}

/// The script, or the module, that an interpreter is given; nothing if it is given its text.
std::string_view script_of(const Words& command, std::size_t at) {
    for (++at; at < command.size(); ++at) {
        const std::string_view word = command[at];
        if (word == "-c" || word == "-e" || word == "-r") return {};
        if (word == "-m" || word == "-jar") continue;
        if (!word.starts_with('-')) return without_extension(base_name(word));
    }
    return {};
}

/// The name that a simple command suggests; empty if it is beside the point.
std::string_view name_in(const Words& command) {
    for (std::size_t at = 0; at < command.size(); ++at) {
        const std::string_view word = command[at];
        if (is_assignment(word)) continue;
        const std::string_view program = base_name(word);
        if (program == "command" && at + 1 < command.size() && command[at + 1] == "-v") return {};
        if (is_beside_the_point(program) || program.starts_with('-')) return {};
        if (leads_on(program) || program == "command") {
            while (at + 1 < command.size() && command[at + 1].starts_with('-')) {
                if (takes_value(program, command[++at])) ++at;
            }
            // A duration, or a lock file, stands before what is started.
            if (program == "timeout" || program == "flock") ++at;
            continue;
        }
        if (runs_scripts(program)) return script_of(command, at);
        if (program == "run-parts" && command.size() > at + 1) return base_name(command.back());
        return without_extension(program);
    }
    return {};
}

}  // namespace

std::string name_of_command(std::string_view line) {
    const std::vector<Words> commands = simple_commands(line.substr(0, most_read));
    for (const Words& command : commands) {
        if (std::string name = valid_name(name_in(command)); !name.empty()) return name;
    }
    // It only tests and waits: then that is what it does.
    for (const Words& command : commands) {
        for (const std::string& word : command) {
            if (is_assignment(word)) continue;
            if (std::string name = valid_name(base_name(word)); !name.empty()) return name;
        }
    }
    return std::string(no_name);
}

std::string valid_name(std::string_view wanted) {
    std::string name;
    bool meant = false;
    for (const char c : wanted.substr(0, longest)) {
        const bool word =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        const bool allowed = word || std::string_view(" .:@+-").find(c) != std::string_view::npos;
        if (name.empty() && (c == '.' || c == ' ' || !allowed)) continue;
        name += allowed ? c : '-';
        meant = meant || word;
    }
    while (name.ends_with(' ') || name.ends_with('-')) name.pop_back();
    return meant ? name : std::string();
}

std::string TaskNames::give(std::string_view wanted) {
    std::string name = valid_name(wanted);
    if (name.empty()) name = no_name;
    unsigned& last = given_[name];
    if (++last == 1) return name;
    for (;; ++last) {
        std::string numbered = name + '-' + std::to_string(last);
        if (given_.try_emplace(numbered, 1U).second) return numbered;
    }
}

}  // namespace bansuri::imports
