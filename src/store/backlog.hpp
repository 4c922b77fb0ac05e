// SPDX-License-Identifier: MIT
//
// What was told and is not written yet, in its order; bounded while nothing can be written.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "store/operation.hpp"
#include "store/sqlite_options.hpp"

namespace bansuri::store {

/// For the store's thread.
class Backlog {
  public:
    using Tokens = std::vector<std::shared_ptr<void>>;

    bool empty() const { return operations_.empty(); }
    std::size_t size() const { return operations_.size(); }
    Operation& operator[](std::size_t index) { return operations_[index]; }

    void push(Operation operation);
    void push_front(Operation operation);
    /// The oldest ones are written.
    void pop(std::size_t count);

    /// Calls `answer` for each claim that nobody has looked at, with what else waits of its
    /// instant: true if a run or a skip is going to be written for it. `number` gives skips their
    /// ids.
    void look_through(const std::function<void(ClaimOperation&, bool taken)>& answer,
                      const std::function<engine::RunId()>& number);
    void nothing_looked_at();

    /// What the operation holds until it is written.
    void let_go(Operation& operation, Tokens& tokens);
    /// Drops the oldest that are no claims, then the oldest, until the bounds hold with some room.
    /// Returns how many; what they held goes to `tokens`, to be let go of on the loop.
    std::size_t trim(const SqliteOptions::Bounds& bounds, Tokens& tokens);

  private:
    static std::size_t cost(const Operation& operation);

    std::deque<Operation> operations_;
    std::size_t bytes_ = 0;
    std::size_t held_ = 0;                      // tokens
    std::size_t looked_at_ = 0;                 // so many of the oldest
    std::unordered_set<std::string> instants_;  // of those, with a run or a skip to come
};

}  // namespace bansuri::store
