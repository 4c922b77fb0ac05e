// SPDX-License-Identifier: MIT
//
// Looks through a database that is too large to be looked through at start, while it is in use.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "store/database.hpp"

namespace bansuri::store {

class Examiner {
  public:
    /// Begins some seconds later, on a thread of its own that gives way to others. `damaged` is
    /// called on that thread, at most once.
    Examiner(std::string file, std::function<void(const std::string& what)> damaged);
    /// Breaks off what goes on.
    ~Examiner();
    Examiner(const Examiner&) = delete;
    Examiner& operator=(const Examiner&) = delete;

  private:
    void examine();

    std::string file_;
    std::function<void(const std::string&)> damaged_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;  // guarded by mutex_, as what follows
    bool ended_ = false;
    std::optional<Database> database_;  // made and destroyed under it; used without
    std::thread thread_;
};

}  // namespace bansuri::store
