// SPDX-License-Identifier: MIT
#include "http/nearest.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/config/unknown_key.hpp"
#include "core/quote.hpp"

namespace bansuri::http {
namespace {

// Names are at most so long; what is longer is none, and comparing costs its square.
constexpr std::size_t longest_name = 128;

std::string folded(std::string text) {
    for (char& c : text) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return text;
}

}  // namespace

std::string unknown_task(const std::string& name, const std::vector<engine::TaskStatus>& tasks) {
    const std::string message = fmt::format("there is no task {}", quote(name));
    if (tasks.empty()) return message + "; the configuration has none";
    const std::string* best = nullptr;
    if (name.size() <= longest_name) {
        const std::string wanted = folded(name);
        std::size_t least = std::clamp<std::size_t>(name.size() / 3, 1, 3) + 1;
        for (const engine::TaskStatus& status : tasks) {
            const std::size_t distance = config::edit_distance(wanted, folded(status.task->name));
            if (distance >= least) continue;
            least = distance;
            best = &status.task->name;
        }
    }
    if (best == nullptr) return message + "; bansuri status lists all";
    return fmt::format("{}; did you mean \"{}\"?", message, *best);
}

}  // namespace bansuri::http
