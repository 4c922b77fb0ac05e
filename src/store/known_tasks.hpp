// SPDX-License-Identifier: MIT
//
// Tasks that became known and are written when there is time, or before what is about them. What
// changes here is undone with the transaction that it belongs to.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/task.hpp"
#include "core/time.hpp"

namespace bansuri::store {

/// For the store's thread.
class KnownTasks {
  public:
    struct Known {
        std::shared_ptr<const Task> task;
        WallTime at;
    };

    bool empty() const { return tasks_.empty(); }
    const Known* find(const std::string& task) const {
        const auto found = tasks_.find(task);
        return found == tasks_.end() ? nullptr : &found->second;
    }
    /// Any of them; nothing if there is none.
    const Known* any() const { return tasks_.empty() ? nullptr : &tasks_.begin()->second; }
    /// In place of what was known of the same task.
    void put(Known known) {
        std::string task = known.task->name;
        change(std::move(task), std::move(known));
    }
    /// Is written, or of no use any more.
    void erase(const std::string& task) { change(task, std::nullopt); }

    void commit() { undo_.clear(); }
    void roll_back() {
        for (; !undo_.empty(); undo_.pop_back()) {
            auto& [task, before] = undo_.back();
            set(task, std::move(before));
        }
    }

  private:
    void change(std::string task, std::optional<Known> to) {
        const Known* const before = find(task);
        if (before == nullptr && !to) return;
        undo_.emplace_back(task, before == nullptr ? std::nullopt : std::optional(*before));
        set(task, std::move(to));
    }
    void set(const std::string& task, std::optional<Known> to) {
        if (to) {
            tasks_.insert_or_assign(task, *std::move(to));
        } else {
            tasks_.erase(task);
        }
    }

    std::unordered_map<std::string, Known> tasks_;
    std::vector<std::pair<std::string, std::optional<Known>>> undo_;
};

}  // namespace bansuri::store
