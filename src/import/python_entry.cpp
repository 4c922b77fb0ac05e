// SPDX-License-Identifier: MIT
#include "import/python_entry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "import/draft_text.hpp"

namespace bansuri::imports {
namespace {

constexpr auto groups = std::to_array<std::string_view>(
    {"general", "identification", "scheduling", "failure-control", "resources", "logging"});

std::string kebab(std::string_view key) {
    std::string name(key);
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

bool is_group(std::string_view key, const Json& value) {
    return value.is_object() && std::find(groups.begin(), groups.end(), key) != groups.end();
}

/// The members of `over` win; objects in them are merged the same way.
Json merged(const Json& base, const Json& over) {
    Json both = base.is_object() ? base : Json::object();
    for (const auto& [key, value] : over.items()) {
        const auto place = both.find(key);
        const bool objects = place != both.end() && place->is_object() && value.is_object();
        both[key] = objects ? merged(*place, value) : value;
    }
    return both;
}

/// Takes a grouped entry apart, group by group.
class Grouped {
  public:
    explicit Grouped(PythonEntry& entry) : entry_(entry) {}

    void take(const std::string& group, const Json& members) {
        for (const auto& [written, value] : members.items()) {
            const std::string key = kebab(written);
            if (group == "scheduling" && (key == "scheduler" || key == "params")) continue;
            if (key == "restart-params" && value.is_object()) {
                take_restart(value);
            } else if (group == "failure-control" && key == "notify" && value.is_object()) {
                take_notification(value);
            } else {
                entry_.keys[own_name(key)] = value;
            }
        }
        if (group == "scheduling") take_schedule(members);
    }

  private:
    /// Names that differ between the forms.
    static std::string own_name(const std::string& key) {
        if (key == "stdout-path") return "stdout";
        if (key == "stderr-path") return "stderr";
        if (key == "notify-condition") return "notify";
        return key;
    }

    void take_schedule(const Json& members) {
        const Json scheduler = members.value("scheduler", Json());
        const Json params = members.value("params", Json());
        if (scheduler == "cron") {
            entry_.keys["schedule-cron"] = params;
        } else if (scheduler == "timer") {
            entry_.keys["timer"] = params;
        } else if (scheduler == "none") {
            entry_.keys["timer"] = "0";
        } else if (!scheduler.is_null()) {
            leave_out("scheduling.scheduler", scheduler, "it is cron, timer or none");
        }
    }

    void take_restart(const Json& members) {
        for (const auto& [key, value] : members.items()) {
            if (key == "after") {
                entry_.keys["restart-delay"] = value;
            } else if (key == "after-scheduling" && value == "none") {
                continue;
            } else {
                leave_out("restart-params." + key, value,
                          "the Python program did nothing with it; \"restart-backoff\" lets pauses "
                          "grow");
            }
        }
    }

    void take_notification(const Json& members) {
        if (!is_true(members.value("enabled", Json()))) return;
        const Json handler = members.value("handler", Json("command"));
        if (handler != "command") {
            leave_out("notify.handler", handler, "the Python program knew commands only");
            return;
        }
        const Json command = members.value("handler-config", Json());
        if (!command.is_string()) {
            leave_out("notify.handler-config", command, "the Python program took a command only");
            return;
        }
        entry_.keys["notify"] = "command";
        entry_.keys["notify-command"] = command;
        if (members.contains("mode")) entry_.keys["notify-mode"] = members["mode"];
        if (members.contains("after-threshold")) {
            entry_.keys["notify-threshold"] = members["after-threshold"];
        }
    }

    void leave_out(std::string_view key, const Json& value, std::string_view why) {
        entry_.notes.push_back(
            fmt::format("Left out: {} {}: {}.", shown(key), shown(in_one_line(value)), why));
    }

    PythonEntry& entry_;
};

}  // namespace

PythonEntry flatten(const Json& entry, const Json& defaults) {
    PythonEntry flat;
    const bool grouped =
        std::any_of(entry.items().begin(), entry.items().end(),
                    [](const auto& item) { return is_group(kebab(item.key()), item.value()); });
    if (!grouped) {
        for (const auto& [key, value] : entry.items()) flat.keys[kebab(key)] = value;
        if (defaults.is_object() && !defaults.empty()) {
            flat.notes.emplace_back(
                "The Python program applied its `defaults` to entries in groups only, hence not to "
                "this one.");
        }
        return flat;
    }
    Grouped reader(flat);
    for (const std::string_view group : groups) {
        // The names of the groups have been written both ways, too.
        Json members = Json::object();
        for (const Json* const source : {&defaults, &entry}) {
            if (!source->is_object()) continue;
            for (const auto& [key, value] : source->items()) {
                if (kebab(key) == group && value.is_object()) members = merged(members, value);
            }
        }
        reader.take(std::string(group), members);
    }
    for (const auto& [key, value] : entry.items()) {
        if (!is_group(kebab(key), value)) flat.keys.try_emplace(kebab(key), value);
    }
    return flat;
}

std::optional<long> whole_number(const Json& value) {
    if (value.is_number_unsigned()) {
        const auto number = value.get<std::uint64_t>();
        if (number > 1'000'000'000'000U) return std::nullopt;
        return static_cast<long>(number);
    }
    if (value.is_number_integer()) return value.get<long>();
    if (!value.is_string()) return std::nullopt;
    const auto& text = value.get_ref<const std::string&>();
    long number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
    return number;
}

bool is_true(const Json& value) {
    if (value.is_boolean()) return value.get<bool>();
    if (!value.is_string()) return false;
    std::string word = value.get<std::string>();
    for (char& c : word) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return word == "true";
}

}  // namespace bansuri::imports
