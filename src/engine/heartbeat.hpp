// SPDX-License-Identifier: MIT
//
// Telling a watcher elsewhere that a task is well (`heartbeat`). The engine says when; a Heartbeat
// asks the address, and never makes the engine wait.
#pragma once

#include <string>

namespace bansuri::engine {

class Heartbeat {
  public:
    virtual ~Heartbeat() = default;
    /// A run of the task succeeded. Returns at once; what cannot be sent is logged, never thrown.
    virtual void beat(const std::string& task, const std::string& address) = 0;
};

}  // namespace bansuri::engine
