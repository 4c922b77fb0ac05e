// SPDX-License-Identifier: MIT
//
// What was told and is not written yet, in its order; bounded while nothing can be written.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
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
    /// Before all that waits, in place of a session that waits already.
    void push_session(SessionOperation session);
    /// The oldest ones are written.
    void pop(std::size_t count);

    /// Calls `answer` for each claim that nobody has looked at, with what else waits of its
    /// instant: true if a run or a skip is going to be written for it. `number` gives skips their
    /// ids.
    void look_through(const std::function<void(ClaimOperation&, bool taken)>& answer,
                      const std::function<engine::RunId()>& number);
    void nothing_looked_at();
    /// Remembered by look_through().
    std::size_t instants() const { return instants_.size(); }

    /// What the operation holds until it is written.
    void let_go(Operation& operation, Tokens& tokens);
    /// Drops until the bounds hold with some room, in this order: skips, waits and events; whole
    /// runs whose every record still waits; what a later record replaces. The rest stays, however
    /// much it is: without it an instant would start a second time, or a run never end. That is
    /// bounded by what is alive. Returns how many are lost; what they held goes to `tokens`, to be
    /// let go of on the loop.
    std::size_t trim(const SqliteOptions::Bounds& bounds, Tokens& tokens);

  private:
    /// One trim(). Dropped operations become NoOperation, which compact() takes out at its end.
    struct Trimming {
        std::size_t operations;  // it is enough when no more are left
        std::size_t bytes;
        Tokens& tokens;
        std::size_t left = 0;
        std::size_t dropped = 0;
        std::unordered_map<std::string, std::size_t> passed{};    // by task: where it stands
        std::unordered_map<std::string, std::size_t> remember{};  // the same
    };

    static std::size_t cost(const Operation& operation);
    static std::shared_ptr<void>* token_of(Operation& operation);
    bool is_beyond(const SqliteOptions::Bounds& bounds) const;
    bool is_enough(const Trimming& trimming) const;
    void let_go_beyond(std::size_t bound, Tokens& tokens);
    void drop(std::size_t index, Trimming& trimming);
    void replace(std::size_t index, Operation by);
    void pass_by(std::size_t index, PassedOperation passed, Trimming& trimming);
    void drop_what_starts_nothing(Trimming& trimming);
    void drop_whole_runs(Trimming& trimming);
    void drop_run(const std::vector<std::size_t>& indexes, Trimming& trimming);
    void collapse_attempts(Trimming& trimming);
    void collapse_replaced(Trimming& trimming);
    void compact();
    void bound_instants(std::size_t bound);

    std::deque<Operation> operations_;
    std::size_t bytes_ = 0;
    std::size_t held_ = 0;                      // tokens
    std::size_t looked_at_ = 0;                 // so many of the oldest
    std::unordered_set<std::string> instants_;  // of those, with a run or a skip to come
    // As much was left by the last trim(): the next one waits for some more to come.
    std::size_t operations_kept_ = 0;
    std::size_t bytes_kept_ = 0;
};

}  // namespace bansuri::store
