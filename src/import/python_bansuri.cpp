// SPDX-License-Identifier: MIT
#include "import/python_bansuri.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "import/draft.hpp"
#include "import/draft_text.hpp"
#include "import/python_entry.hpp"
#include "import/python_task.hpp"
#include "import/task_name.hpp"

namespace bansuri::imports {
namespace {

constexpr std::size_t deepest = 100;
constexpr std::size_t most_keys = 1000;  // of one object: they are looked for one after the other
constexpr std::size_t most_told = 20;

/// Deeper values would take the recursion of merging and writing to the end of the stack.
bool is_too_deep(std::string_view text) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            in_string = c != '"' || c == '\\';
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > deepest) return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return false;
}

bool has_too_many_keys(const nlohmann::json& value) {
    if (value.is_object() && value.size() > most_keys) return true;
    return value.is_structured() && std::any_of(value.begin(), value.end(), has_too_many_keys);
}

std::string text_of(const PythonEntry& entry, const std::string& key) {
    const auto found = entry.keys.find(key);
    return found != entry.keys.end() && found->second.is_string() ? found->second.get<std::string>()
                                                                  : std::string();
}

class PythonImport {
  public:
    explicit PythonImport(std::string_view origin) : origin_(origin) {}

    Result<std::string> run(const Json& file) && {
        const Json defaults = file.value("defaults", Json());
        for (const Json& script : file["scripts"]) {
            if (script.is_object()) {
                entries_.push_back(flatten(script, defaults));
            } else {
                draft_.remark(fmt::format("Not carried over: entry {}: it is no object.",
                                          shown(in_one_line(script))));
            }
        }
        if (entries_.empty() && !file["scripts"].empty()) {
            return fail(ErrorCode::config_invalid, "no element of its \"scripts\" is an object");
        }
        tell_in_front(file);
        set_notify_command(file);
        name_them();
        for (std::size_t i = 0; i < entries_.size() && !draft_.full(); ++i) add(i);
        return std::move(draft_).finish();
    }

  private:
    void tell_in_front(const Json& file) {
        draft_.notes.push_back(fmt::format("From {}, of the Python program: {} task{}.",
                                           shown(origin_), entries_.size(),
                                           entries_.size() == 1 ? "" : "s"));
        draft_.notes.emplace_back(
            "A timer ran so long after the end of the run before; here it runs at fixed distances "
            "from the start. kill-grace and stop-timeout are the two minutes that the Python "
            "program "
            "waited between SIGTERM and SIGKILL.");
        for (const auto& [key, value] : file.items()) {
            if (key == "version" || key == "scripts" || key == "defaults" ||
                key == "notify_command") {
                continue;
            }
            draft_.notes.push_back(
                fmt::format("Left out: {} {}: the Python program does not know it "
                            "either.",
                            shown(key), shown(in_one_line(value))));
        }
    }

    /// That of the root; else the one that all tasks agree on, since there is only one here.
    void set_notify_command(const Json& file) {
        if (const Json command = file.value("notify_command", Json()); command.is_string()) {
            notify_command_ = command.get<std::string>();
        }
        std::set<std::string> own;
        for (const PythonEntry& entry : entries_) {
            if (const std::string command = text_of(entry, "notify-command"); !command.empty()) {
                own.insert(command);
            }
        }
        if (notify_command_.empty() && own.size() == 1) notify_command_ = *own.begin();
        if (notify_command_.find_first_not_of(" \t\r\n\v\f") == std::string::npos) return;
        draft_.root.push_back({"notify_command", notify_command_, {}});
    }

    /// Of entries with the same name the Python program ran the last one only.
    void name_them() {
        std::map<std::string, std::size_t> last;
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            if (const std::string name = text_of(entries_[i], "name"); !name.empty()) {
                last[name] = i;
            }
        }
        for (std::size_t i = 0; i < entries_.size(); ++i) {
            const std::string name = text_of(entries_[i], "name");
            const std::string command = text_of(entries_[i], "command");
            const bool runs = !command.empty() && (name.empty() || last[name] == i);
            given_.push_back(runs ? names_.give(name.empty() ? name_of_command(command) : name)
                                  : std::string());
            if (runs && !name.empty()) by_name_[name] = given_.back();
        }
    }

    void add(std::size_t i) {
        const PythonEntry& entry = entries_[i];
        const std::string name = text_of(entry, "name");
        if (text_of(entry, "command").empty()) {
            draft_.remark(
                fmt::format("Not carried over: task \"{}\": it has no command.", shown(name)));
            return;
        }
        if (given_[i].empty()) {
            draft_.remark(
                fmt::format("Not carried over: task \"{}\", command {}: another one of that "
                            "name follows, and the Python program ran only that.",
                            shown(name), shown(text_of(entry, "command"))));
            return;
        }
        DraftTask task = python_task(entry);
        task.members.insert(task.members.begin(), Member{"name", given_[i], {}});
        if (given_[i] != name) {
            task.notes.push_back(fmt::format("Its name was \"{}\".", shown(name)));
        }
        set_dependencies(task, entry);
        const std::string command = text_of(entry, "notify-command");
        if (!command.empty() && command != notify_command_) {
            task.notes.push_back(
                fmt::format("Left out: its own notify command {}: there is one for "
                            "all tasks, at the root.",
                            shown(command)));
        }
        draft_.add(std::move(task));
    }

    void set_dependencies(DraftTask& task, const PythonEntry& entry) const {
        const auto found = entry.keys.find("depends-on");
        if (found == entry.keys.end() || found->second.is_null()) return;
        std::size_t unknown = 0;
        Json names = Json::array();
        for (const Json& element :
             found->second.is_array() ? found->second : Json::array({found->second})) {
            const std::string name = element.is_string() ? element.get<std::string>() : "";
            if (const auto known = by_name_.find(name); known != by_name_.end()) {
                names.push_back(known->second);
            } else if (++unknown <= most_told) {
                task.notes.push_back(fmt::format("Left out: depends-on {}: there is no such task.",
                                                 shown(in_one_line(element))));
            }
        }
        if (unknown > most_told) {
            task.notes.push_back(fmt::format("And {} more such names.", unknown - most_told));
        }
        if (names.empty()) return;
        task.set("depends-on", std::move(names),
                 "The Python program did nothing with this key, and ran the task at once. Now it "
                 "waits for their success.");
    }

    std::string_view origin_;
    Draft draft_;
    TaskNames names_;
    std::vector<PythonEntry> entries_;
    std::vector<std::string> given_;  // names, empty for entries that are left out
    std::map<std::string, std::string> by_name_;
    std::string notify_command_;
};

}  // namespace

Result<std::string> import_python_bansuri(std::string_view text, std::string_view origin) {
    if (is_too_deep(text)) {
        return fail(ErrorCode::config_invalid,
                    fmt::format("its lists and objects lie more than {} deep", deepest));
    }
    const auto parsed = nlohmann::json::parse(text, nullptr, false, true);
    if (parsed.is_discarded()) return fail(ErrorCode::config_invalid, "it is no JSON");
    if (has_too_many_keys(parsed)) {
        return fail(ErrorCode::config_invalid,
                    fmt::format("an object in it has more than {} keys", most_keys));
    }
    const Json file = parsed;
    if (!file.is_object() || !file.contains("scripts") || !file["scripts"].is_array()) {
        return fail(ErrorCode::config_invalid, "there is no list \"scripts\" in it");
    }
    return PythonImport(origin).run(file);
}

}  // namespace bansuri::imports
