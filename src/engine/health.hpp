// SPDX-License-Identifier: MIT
//
// What of Bansuri itself is not as it should be, and why: `status` shows it as degraded.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace bansuri::engine {

/// Safe on any thread.
class Health {
  public:
    struct Problem {
        std::string component;  ///< "store", "output", "configuration"
        std::string reason;
    };
    void degrade(const std::string& component, std::string reason) {
        const std::lock_guard lock(mutex_);
        problems_[component] = std::move(reason);
    }
    void recover(const std::string& component) {
        const std::lock_guard lock(mutex_);
        problems_.erase(component);
    }
    std::vector<Problem> problems() const {
        const std::lock_guard lock(mutex_);
        std::vector<Problem> all;
        for (const auto& [component, reason] : problems_) all.push_back({component, reason});
        return all;
    }

  private:
    mutable std::mutex mutex_;
    std::map<std::string, std::string> problems_;
};

}  // namespace bansuri::engine
