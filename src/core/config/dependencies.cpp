// SPDX-License-Identifier: MIT
#include "core/config/dependencies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bansuri::config {

void Dependencies::add(std::string task, unsigned number, std::vector<std::string> names,
                       Span place) {
    index_.try_emplace(task, waiting_.size());
    waiting_.push_back({std::move(task), number, std::move(names), place});
}

void Dependencies::report_unknown(const Waiting& waiting, std::string_view name,
                                  DiagnosticSink& sink) {
    if (sink.only_counts(Severity::error)) return;
    sink.report(Severity::error, {waiting.task, waiting.number, "depends-on"}, waiting.place,
                {fmt::format("no task is named \"{}\"", printable(name)),
                 "correct the name, or add the task"});
}

void Dependencies::report_circles(DiagnosticSink& sink) const {
    // Depth first with a stack of its own: a chain of 200 000 tasks must not exhaust the thread's.
    struct Step {
        std::size_t task;
        std::size_t next;  // name to follow
    };
    enum class Mark : std::uint8_t { unseen, on_path, done };
    std::vector<Mark> marks(waiting_.size(), Mark::unseen);
    std::vector<Step> path;
    const auto report = [&](std::size_t first) {
        const auto begin = std::find_if(path.begin(), path.end(),
                                        [first](const Step& step) { return step.task == first; });
        constexpr std::ptrdiff_t shown = 20;
        std::string circle;
        for (auto step = begin; step != path.end(); ++step) {
            if (step - begin == shown) {
                circle += fmt::format("... ({} more) -> ", path.end() - step);
                break;
            }
            circle += waiting_[step->task].task + " -> ";
        }
        const Waiting& task = waiting_[path.back().task];
        sink.report(
            Severity::error, {task.task, task.number, "depends-on"}, task.place,
            {fmt::format("the tasks wait for each other: {}{}", circle, waiting_[first].task),
             "remove one of these dependencies"});
    };
    for (std::size_t root = 0; root < waiting_.size() && sink.keeps(Severity::error); ++root) {
        if (marks[root] != Mark::unseen) continue;
        path.push_back({root, 0});
        marks[root] = Mark::on_path;
        while (!path.empty()) {
            Step& step = path.back();
            const auto& names = waiting_[step.task].names;
            if (step.next == names.size()) {
                marks[step.task] = Mark::done;
                path.pop_back();
                continue;
            }
            const auto found = index_.find(names[step.next++]);
            if (found == index_.end()) continue;
            Mark& mark = marks[found->second];
            if (mark == Mark::on_path && sink.keeps(Severity::error)) {
                report(found->second);
            } else if (mark == Mark::unseen) {
                mark = Mark::on_path;
                path.push_back({found->second, 0});
            }
        }
    }
}

}  // namespace bansuri::config
