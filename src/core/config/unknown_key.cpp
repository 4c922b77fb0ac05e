// SPDX-License-Identifier: MIT
#include "core/config/unknown_key.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace bansuri::config {
namespace {

constexpr std::size_t longest_spelling = 40;  // no key, and no misspelled one, is longer

/// What people write who come from other schedulers.
struct Alias {
    std::string_view written;
    std::string_view meant;
};
constexpr Alias aliases[] = {
    {"cron", "schedule-cron"},
    {"schedule", "schedule-cron"},
    {"crontab", "schedule-cron"},
    {"cron-expression", "schedule-cron"},
    {"interval", "timer"},
    {"every", "timer"},
    {"period", "timer"},
    {"cmd", "command"},
    {"exec", "command"},
    {"shell", "command"},
    {"script", "command"},
    {"class", "task"},
    {"id", "name"},
    {"title", "name"},
    {"env", "environment"},
    {"env-file", "environment-file"},
    {"cwd", "working-directory"},
    {"workdir", "working-directory"},
    {"working-dir", "working-directory"},
    {"directory", "working-directory"},
    {"dir", "working-directory"},
    {"retries", "times"},
    {"retry", "times"},
    {"attempts", "max-attempts"},
    {"max-retries", "max-attempts"},
    {"restart", "on-fail"},
    {"on-failure", "on-fail"},
    {"retry-delay", "restart-delay"},
    {"delay", "restart-delay"},
    {"backoff", "restart-backoff"},
    {"exit-codes", "success-codes"},
    {"exitcodes", "success-codes"},
    {"tz", "timezone"},
    {"depends", "depends-on"},
    {"after", "depends-on"},
    {"requires", "depends-on"},
    {"needs", "depends-on"},
    {"nice", "priority"},
    {"time-limit", "timeout"},
    {"max-time", "timeout"},
    {"disabled", "enabled"},
    {"log", "stdout"},
    {"output", "stdout"},
    {"uid", "user"},
    {"gid", "group"},
    {"label", "tags"},
    {"labels", "tags"},
    {"tasks", "scripts"},
    {"jobs", "scripts"},
    {"programs", "scripts"},
    {"default", "defaults"},
    {"notify-cmd", "notify_command"},
};

/// Lower case, and kebab-case for snake_case and camelCase.
std::string normalised(std::string_view key) {
    std::string kebab;
    bool lower_before = false;
    for (const char c : key) {
        const bool upper = c >= 'A' && c <= 'Z';
        if (upper && lower_before) kebab += '-';
        lower_before = c >= 'a' && c <= 'z';
        kebab += upper ? static_cast<char>(c - 'A' + 'a') : c == '_' || c == ' ' ? '-' : c;
    }
    return kebab;
}

bool may_stand(const KeyRow& row, Home home) {
    return home != Home::defaults || row.place == Place::task_default;
}

std::string_view nearest(std::string_view key, Home home, std::span<const KeyRow> rows) {
    if (key.size() > longest_spelling) return {};
    const std::string wanted = normalised(key);
    std::string_view best;
    std::size_t least = std::max<std::size_t>(1, std::min<std::size_t>(3, wanted.size() / 3)) + 1;
    for (const KeyRow& row : rows) {
        if (!may_stand(row, home)) continue;
        const std::size_t distance = edit_distance(wanted, normalised(row.name));
        if (distance < least) {
            least = distance;
            best = row.name;
        }
    }
    if (least == 0) return best;
    // An alias is a sure hit; a spelling is a guess.
    for (const Alias& alias : aliases) {
        const KeyRow* row = alias.written == wanted ? find_row(rows, alias.meant) : nullptr;
        if (row != nullptr && may_stand(*row, home)) return row->name;
    }
    return best;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::vector<std::size_t> next(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        next[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t changed = row[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            next[j] = std::min({changed, row[j] + 1, next[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                next[j] = std::min(next[j], before[j - 2] + 1);
            }
        }
        before.swap(row);
        row.swap(next);
    }
    return row[b.size()];
}

Problem unknown_key(std::string_view key, Home home, std::span<const KeyRow> rows) {
    const KeyRow* of_task = find_row(task_keys(), key);
    if (home == Home::defaults && of_task != nullptr) {
        return {"it cannot be a default", "write it in each task"};
    }
    if ((home == Home::task || home == Home::defaults) && find_row(root_keys(), key) != nullptr) {
        return {"it is a key of the root", "move it to the root of the file, beside \"scripts\""};
    }
    if (home == Home::root && of_task != nullptr) {
        return {"it is a key of a task", of_task->place == Place::task
                                             ? "move it into a task"
                                             : "move it into a task, or into \"defaults\""};
    }
    if (const std::string_view meant = nearest(key, home, rows); !meant.empty()) {
        return {"unknown key", fmt::format("did you mean \"{}\"?", meant)};
    }
    return {"unknown key", "remove it; docs/configuration.md lists the keys"};
}

}  // namespace bansuri::config
