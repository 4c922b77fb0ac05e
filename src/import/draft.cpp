// SPDX-License-Identifier: MIT
#include "import/draft.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/config/parsed_configuration.hpp"
#include "core/config/text_rule.hpp"
#include "core/utf8.hpp"
#include "import/draft_text.hpp"

namespace bansuri::imports {
namespace {

constexpr std::size_t most_remarks = 1000;
// Some thousand lines are the most that cron takes; far beyond that a file is no configuration.
constexpr std::size_t most_tasks = 20'000;
constexpr std::size_t most_text = 64U << 20;

template <std::size_t Size>
bool is_one_of(std::string_view key, const std::array<std::string_view, Size>& keys) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
}

/// Without these a task would do something else than it did: at another time, as somebody else.
bool is_essential(std::string_view key) {
    constexpr auto keys =
        std::to_array<std::string_view>({"name", "command", "schedule-cron", "timer", "user",
                                         "group", "working-directory", "environment"});
    return key.empty() || is_one_of(key, keys);
}

/// What a reader looks for in the task itself, however many others say the same.
bool stays_in_task(std::string_view key) {
    constexpr auto keys = std::to_array<std::string_view>(
        {"name", "command", "description", "schedule-cron", "timer", "tags", "user", "stdout",
         "stderr", "enabled", "depends-on"});
    return is_one_of(key, keys);
}

/// Why no configuration can hold the texts of `value`; empty if it can.
std::string fault_of(const Json& value) {
    if (value.is_structured()) {
        for (const auto& [key, element] : value.items()) {
            if (value.is_object() && !is_utf8(key)) return "it is not UTF-8";
            if (std::string fault = fault_of(element); !fault.empty()) return fault;
        }
        return {};
    }
    if (!value.is_string()) return {};
    const auto& text = value.get_ref<const std::string&>();
    if (!is_utf8(text)) return "it is not UTF-8";
    if (text.find('\0') != std::string::npos) return "it holds a NUL character";
    if (text.size() > config::longest_argument) {
        return fmt::format("it has {} bytes, and the kernel takes {} at most", text.size(),
                           config::longest_argument);
    }
    return {};
}

void erase_from(std::vector<Member>& members, std::string_view key) {
    members.erase(std::remove_if(members.begin(), members.end(),
                                 [key](const Member& member) { return member.key == key; }),
                  members.end());
}

template <class Members>
auto find_in(Members& members, std::string_view key) -> decltype(members.data()) {
    const auto found = std::find_if(members.begin(), members.end(),
                                    [key](const Member& member) { return member.key == key; });
    return found == members.end() ? nullptr : &*found;
}

std::size_t size_of(const Json& value) {
    if (value.is_string()) return value.get_ref<const std::string&>().size();
    std::size_t size = 8;
    if (!value.is_structured()) return size;
    for (const auto& [key, element] : value.items()) size += key.size() + size_of(element);
    return size;
}

bool is_task(const DraftTask& task) { return !task.members.empty(); }

}  // namespace

void DraftTask::set(std::string_view key, Json value, std::string note) {
    Member* member = find(key);
    if (member == nullptr) member = &members.emplace_back(Member{std::string(key), {}, {}});
    member->value = std::move(value);
    if (!note.empty()) member->notes.push_back(std::move(note));
}

Member* DraftTask::find(std::string_view key) { return find_in(members, key); }

void DraftTask::erase(std::string_view key) { erase_from(members, key); }

std::string DraftTask::text(std::string_view key) const {
    const Member* const member = find_in(members, key);
    return member != nullptr && member->value.is_string() ? member->value.get<std::string>()
                                                          : std::string();
}

std::string shown(std::string_view text, std::size_t limit) { return printable(text, limit); }

void Draft::add(DraftTask task) {
    ++added_;
    for (const Member& member : task.members) size_ += size_of(member.value);
    for (const std::string& note : task.notes) size_ += note.size();
    if (!full()) tasks_.push_back(std::move(task));
}

bool Draft::full() const { return added_ > most_tasks || size_ > most_text; }

void Draft::remark(std::string note) {
    if (++remarks_ > most_remarks) return;
    tasks_.push_back({{std::move(note)}, {}});
}

Result<std::string> Draft::finish() && {
    if (full()) {
        return fail(
            ErrorCode::config_invalid,
            fmt::format("it makes more than {} tasks, or more than {} MiB of them; split it",
                        most_tasks, most_text >> 20));
    }
    if (remarks_ > most_remarks) {
        tasks_.push_back({{fmt::format("And {} more of this kind.", remarks_ - most_remarks)}, {}});
    }
    keep_to_text();
    // Before they are put together as well, so that no fault of one task becomes that of all.
    for (const bool together : {false, true}) {
        if (together) hoist();
        for (bool settled = false; !settled;) {
            const auto step = settle();
            if (!step) return tl::unexpected(step.error());
            settled = *step;
        }
    }
    return write();
}

/// Moves what every task says to `defaults`.
void Draft::hoist() {
    const auto first = std::find_if(tasks_.begin(), tasks_.end(), is_task);
    if (std::count_if(tasks_.begin(), tasks_.end(), is_task) < 2) return;
    hoist_environment();
    const std::vector<Member> candidates = first->members;
    for (const Member& candidate : candidates) {
        if (candidate.key == "environment" || stays_in_task(candidate.key)) continue;
        const bool shared =
            std::all_of(tasks_.begin(), tasks_.end(), [&candidate](const DraftTask& task) {
                const Member* const own = find_in(task.members, candidate.key);
                return !is_task(task) || (own != nullptr && own->value == candidate.value &&
                                          own->notes == candidate.notes);
            });
        if (!shared) continue;
        defaults_.push_back(candidate);
        for (DraftTask& task : tasks_) task.erase(candidate.key);
    }
}

/// Variables one by one, as `defaults` merge them.
void Draft::hoist_environment() {
    Json common;
    bool begun = false;
    for (DraftTask& task : tasks_) {
        if (!is_task(task)) continue;
        const Member* const own = task.find("environment");
        if (own == nullptr) return;
        if (!begun) common = own->value;
        begun = true;
        Json kept = Json::object();
        for (const auto& [name, value] : common.items()) {
            if (const auto same = own->value.find(name); same != own->value.end()) {
                if (*same == value) kept[name] = value;
            }
        }
        common = std::move(kept);
    }
    if (common.empty()) return;
    for (DraftTask& task : tasks_) {
        Member* const own = task.find("environment");
        if (own == nullptr) continue;
        for (const auto& [name, value] : common.items()) own->value.erase(name);
        if (own->value.empty()) task.erase("environment");
    }
    defaults_.push_back({"environment", std::move(common), {}});
}

/// Leaves out what is no text, before anything is written.
void Draft::keep_to_text() {
    std::size_t number = 0;
    for (DraftTask& task : tasks_) {
        if (!is_task(task)) continue;
        ++number;
        const std::vector<Member> members = task.members;
        for (const Member& member : members) {
            const std::string fault = fault_of(member.value);
            if (fault.empty() || !is_task(task)) continue;
            leave_out(number, member.key, fault);
        }
        if (!is_task(task)) --number;
    }
    for (const Member& member : std::vector<Member>(root)) {
        if (const std::string fault = fault_of(member.value); !fault.empty()) {
            leave_out(0, member.key, fault);
        }
    }
}

/// Asks the parser itself. Whether there was nothing to leave out.
Result<bool> Draft::settle() {
    const ParsedConfiguration parsed = parse_configuration(write(), "scripts.json", "/");
    const Diagnostic* error = nullptr;
    bool changed = false;
    std::size_t gone = 0;  // the number of the task that was left out last
    // From behind, so that the numbers of the tasks before stay what they are.
    for (auto found = parsed.diagnostics.rbegin(); found != parsed.diagnostics.rend(); ++found) {
        if (found->severity != Severity::error || found->code == ErrorCode::not_available) continue;
        error = &*found;
        if (gone != 0 && found->task_number == gone) continue;
        const LeftOut left = leave_out(found->task_number, found->key, found->reason);
        changed = changed || left != LeftOut::nothing;
        if (left == LeftOut::task) gone = found->task_number;
    }
    if (error != nullptr && !changed) {
        return fail(
            ErrorCode::config_invalid,
            fmt::format("what comes of it is no configuration: {}; split the file", error->reason));
    }
    return error == nullptr;
}

Draft::LeftOut Draft::leave_out(std::size_t task_number, std::string_view key,
                                const std::string& reason) {
    if (key.starts_with("defaults.")) {
        key.remove_prefix(9);
        key = key.substr(0, key.find('.'));
        if (find_in(defaults_, key) == nullptr) return LeftOut::nothing;
        notes.push_back(fmt::format("Left out: \"{}\" of all tasks: {}.", key, reason));
        erase_from(defaults_, key);
        return LeftOut::key;
    }
    key = key.substr(0, key.find('.'));
    if (task_number == 0) {
        if (find_in(root, key) == nullptr) return LeftOut::nothing;
        notes.push_back(fmt::format("Left out: \"{}\": {}.", key, reason));
        erase_from(root, key);
        return LeftOut::key;
    }
    for (DraftTask& task : tasks_) {
        if (!is_task(task) || --task_number > 0) continue;
        const Member* const member = find_in(task.members, key);
        const std::string value = member == nullptr ? "" : ' ' + in_one_line(member->value);
        if (is_essential(key)) {
            task.notes.push_back(fmt::format("Not carried over: task \"{}\", command {}: {}{}: {}.",
                                             shown(task.text("name")), shown(task.text("command")),
                                             key, shown(value), shown(reason, 300)));
            task.members.clear();
            return LeftOut::task;
        }
        if (member == nullptr) return LeftOut::nothing;
        task.notes.push_back(
            fmt::format("Left out: {}{}: {}.", key, shown(value), shown(reason, 300)));
        task.erase(key);
        return LeftOut::key;
    }
    return LeftOut::nothing;
}

std::string Draft::write() const {
    DraftText text;
    text.notes(notes);
    text.open("", '{');
    text.members(std::vector<Member>{{"version", "1.0", {}}}, true);
    text.members(root, true);
    if (!defaults_.empty()) {
        text.open("\"defaults\": ", '{');
        text.members(defaults_, false);
        text.close('}', ",");
    }
    text.open("\"scripts\": ", '[');
    auto left = std::count_if(tasks_.begin(), tasks_.end(), is_task);
    bool after_remark = false;
    for (const DraftTask& task : tasks_) {
        // So that nobody takes a remark for one about the task behind it.
        if (after_remark && is_task(task)) text.blank();
        after_remark = !is_task(task);
        text.notes(task.notes);
        if (!is_task(task)) continue;
        text.open("", '{');
        text.members(task.members, false);
        text.close('}', --left > 0 ? "," : "");
    }
    text.close(']', "");
    text.close('}', "");
    return text.take();
}

}  // namespace bansuri::imports
