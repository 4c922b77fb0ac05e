// SPDX-License-Identifier: MIT
#include "store/pruner.hpp"

#include <fmt/format.h>

#include <utility>

#include "core/crash_point.hpp"

namespace bansuri::store {
namespace {

// Looked at in one slice. A look walks over the records that the task may keep.
constexpr int slice_tasks = 20;

// Records whose age is looked at in one slice: less than a millisecond.
constexpr int slice_looks = 2000;

}  // namespace

Pruner::Excess::Excess(Database& database, const char* which)
    : last_kept(database, fmt::format("SELECT id FROM run WHERE task = ? AND {}"
                                      " ORDER BY id DESC LIMIT 1 OFFSET ?",
                                      which)),
      excess(database, fmt::format("SELECT id FROM run WHERE task = ? AND {} AND id <= ?"
                                   " AND ended_at IS NOT NULL ORDER BY id LIMIT ?",
                                   which)) {}

Pruner::Pruner(Database& database, OutputKeeper* output, Retention retention)
    : database_(database),
      output_(output),
      retention_(retention),
      of_runs_(database, "outcome IS NOT 'SKIPPED'"),
      of_skips_(database, "outcome = 'SKIPPED' AND outcome <> 'SUCCESS'"),  // as the index says
      next_tasks_(database, "SELECT id FROM task WHERE id > ? ORDER BY id LIMIT ?"),
      oldest_(database,
              "SELECT id FROM run WHERE id <= ? AND outcome IS NOT NULL ORDER BY id LIMIT ?"),
      by_age_(database, "SELECT id, ended_at FROM run WHERE id > ? ORDER BY id LIMIT ?"),
      count_(database, "SELECT COUNT(*) FROM run"),
      nth_(database, "SELECT id FROM run ORDER BY id LIMIT 1 OFFSET ?"),
      delete_run_(database, "DELETE FROM run WHERE id = ?"),
      delete_attempts_(database, "DELETE FROM attempt WHERE run = ?"),
      delete_outputs_(database, "DELETE FROM output WHERE run = ?"),
      delete_orphans_(database, "DELETE FROM attempt WHERE run < (SELECT MIN(id) FROM run)"),
      write_last_(database,
                  "INSERT INTO meta (key, value) VALUES ('last_run', ?)"
                  " ON CONFLICT (key) DO UPDATE SET value = excluded.value") {}

void Pruner::use(Retention retention) {
    if (retention == retention_) return;
    retention_ = retention;
    look_at_all();
}

void Pruner::look_at_all() {
    task_after_ = 0;
    age_after_ = 0;
}

void Pruner::look_at(const std::vector<std::int64_t>& tasks) {
    for (const std::int64_t task : tasks) {
        if (is_due_.insert(task).second) due_.push_back(task);
    }
}

void Pruner::slice(WallTime now, engine::RunId last_id) {
    if (due_.empty() && task_after_) {
        std::vector<std::int64_t> next;
        for (Rows rows = next_tasks_.query(*task_after_, slice_tasks); rows.next();) {
            next.push_back(rows.integer(0));
        }
        task_after_ = next.empty() ? std::nullopt : std::optional(next.back());
        look_at(next);
    }
    remove(due_.empty() ? too_old(now) : too_many(), last_id);
}

Pruner::Ids Pruner::too_many() {
    Ids runs;
    for (int looks = 0; looks < slice_tasks && !due_.empty(); ++looks) {
        const std::int64_t task = due_.front();
        // Apart, so that a run outlives the instants that were skipped because of it.
        if (!find_excess(of_runs_, task, runs)) break;
        if (!find_excess(of_skips_, task, runs)) break;
        due_.pop_front();
        is_due_.erase(task);
    }
    return runs;
}

bool Pruner::find_excess(Excess& of, std::int64_t task, Ids& runs) {
    std::int64_t last = 0;
    if (Rows rows = of.last_kept.query(task, retention_.runs); rows.next()) last = rows.integer(0);
    if (last == 0) return true;
    const std::size_t before = runs.size();
    const int room = slice_rows - static_cast<int>(before);
    for (Rows rows = of.excess.query(task, last, room); rows.next();) {
        runs.push_back(rows.count(0));
    }
    return static_cast<int>(runs.size() - before) < room;
}

// All are looked at: the clock may have been wrong for a while, so that neither of two records is
// the older one because its id is lower.
Pruner::Ids Pruner::too_old(WallTime now) {
    Ids runs;
    if (!age_after_) return runs;
    const WallTime oldest = now - std::chrono::hours(24) * retention_.days;
    int looked = 0;
    for (Rows rows = by_age_.query(*age_after_, slice_looks); rows.next(); ++looked) {
        age_after_ = rows.integer(0);
        if (!rows.null(1) && rows.wall(1) < oldest) runs.push_back(rows.count(0));
        if (runs.size() == std::size_t{slice_rows}) return runs;
    }
    if (looked < slice_looks) {
        age_after_.reset();
        delete_orphans_.run();
    }
    return runs;
}

bool Pruner::slice_of_oldest(engine::RunId up_to, engine::RunId last_id) {
    Ids runs;
    for (Rows rows = oldest_.query(up_to, slice_rows); rows.next();) runs.push_back(rows.count(0));
    remove(runs, last_id);
    return !runs.empty();
}

engine::RunId Pruner::oldest_tenth() {
    std::int64_t count = 0;
    if (Rows rows = count_.query(); rows.next()) count = rows.integer(0);
    Rows rows = nth_.query(count / 10);
    return rows.next() ? rows.count(0) : 0;
}

void Pruner::remove(const Ids& runs, engine::RunId last_id) {
    if (runs.empty()) return;
    Transaction transaction(database_);
    if (output_ != nullptr) output_->pruned(runs);
    for (const engine::RunId run : runs) {
        delete_run_.run(run);
        delete_attempts_.run(run);
        delete_outputs_.run(run);
    }
    write_last_.run(std::to_string(last_id));
    crash_point("during-pruning");
    transaction.commit();
}

}  // namespace bansuri::store
