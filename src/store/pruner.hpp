// SPDX-License-Identifier: MIT
//
// Removes what retention no longer keeps, a slice at a time, so that a claim never waits for more
// than one slice. Runs without an end are never removed.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_set>
#include <vector>

#include "core/configuration.hpp"
#include "engine/run_store.hpp"
#include "store/database.hpp"
#include "store/output_keeper.hpp"

namespace bansuri::store {

/// For the store's thread. Calls may throw DatabaseError; then nothing of the slice was removed.
class Pruner {
  public:
    Pruner(Database& database, OutputKeeper* output, Retention retention);

    /// Every task, and the age of every run, is looked at again.
    void use(Retention retention);
    void look_at_all();
    void look_at_ages() { age_after_ = 0; }
    /// These tasks may have too many records.
    void look_at(const std::vector<std::int64_t>& tasks);

    bool has_work() const { return !due_.empty() || task_after_ || age_after_; }
    /// Removes at most slice_rows records. `last_id`: no later run gets an id up to it.
    void slice(WallTime now, engine::RunId last_id);
    /// The oldest records, whatever retention says, up to this one. False: none is left of them.
    bool slice_of_oldest(engine::RunId up_to, engine::RunId last_id);
    /// The record that has a tenth of all before it.
    engine::RunId oldest_tenth();

    static constexpr int slice_rows = 200;

  private:
    using Ids = std::vector<engine::RunId>;
    /// Runs, and records of skips, are kept apart, so that a run outlives the instants that were
    /// skipped because of it.
    enum class Kind { runs, skips };
    /// Back from a task's latest record to the last that it may keep, and from its first one up to
    /// that.
    struct Walk {
        std::uint64_t left;                      ///< records that may be kept, on the way back
        std::int64_t before;                     ///< where the way back has come to
        std::optional<std::int64_t> after = {};  ///< and the way up
    };
    Ids too_many();
    /// One step of a walk. False: it has come to its end.
    bool step(std::int64_t task, Ids& excess);
    bool step_back(std::int64_t task);
    struct Found {
        Ids ids;  ///< those of the kind that is looked at
        std::int64_t last;
        bool more;
    };
    /// In the order of the walk; `records` are all, `skips` those of skips.
    Found find(Statement& records, Statement& skips, std::int64_t task, bool up);
    Ids too_old(WallTime now);
    void remove(const Ids& runs, engine::RunId last_id);

    Database& database_;
    OutputKeeper* output_;
    Retention retention_;
    std::deque<std::int64_t> due_;
    std::unordered_set<std::int64_t> is_due_;
    std::optional<std::int64_t> task_after_ = 0;  // the next tasks to look at; nothing: looked
    std::optional<std::int64_t> age_after_ = 0;   // the same of runs by age

    Kind kind_ = Kind::runs;  // what of the first task that is due is looked at
    std::optional<Walk> walk_;
    Statement records_back_, skips_back_, records_up_, skips_up_, has_ended_;
    Statement next_tasks_, oldest_, by_age_, count_, nth_;
    Statement delete_run_, delete_attempts_, delete_outputs_, delete_orphans_, write_last_;
};

}  // namespace bansuri::store
