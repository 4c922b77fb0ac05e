// SPDX-License-Identifier: MIT
#include "store/pruner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "core/crash_point.hpp"

namespace bansuri::store {
namespace {

// In one slice, so that it takes about a millisecond: tasks that are looked at, entries of the
// index that are walked over in each of their looks, and records whose age is looked at.
constexpr int slice_steps = 10;
constexpr std::uint64_t step_entries = 200;
constexpr int slice_tasks = 20;
constexpr int slice_looks = 2000;

// Indexes alone tell both: each record lies in a page of its own.
constexpr const char* all = "TRUE";
constexpr const char* skips = "outcome = 'SKIPPED' AND outcome <> 'SUCCESS'";  // as the index says

std::string of_task(const char* which, const char* where) {
    return fmt::format("SELECT id FROM run WHERE task = ? AND {} AND {} LIMIT ?", which, where);
}

}  // namespace

Pruner::Pruner(Database& database, OutputKeeper* output, Retention retention)
    : database_(database),
      output_(output),
      retention_(retention),
      records_back_(database, of_task(all, "id < ? ORDER BY id DESC")),
      skips_back_(database, of_task(skips, "id < ? ORDER BY id DESC")),
      records_up_(database, of_task(all, "id > ? ORDER BY id")),
      skips_up_(database, of_task(skips, "id > ? ORDER BY id")),
      has_ended_(database, "SELECT 1 FROM run WHERE id = ? AND ended_at IS NOT NULL"),
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
    walk_.reset();
    kind_ = Kind::runs;
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
    for (int steps = 0; steps < slice_steps && !due_.empty() && runs.empty(); ++steps) {
        const std::int64_t task = due_.front();
        if (step(task, runs)) continue;
        walk_.reset();
        kind_ = kind_ == Kind::runs ? Kind::skips : Kind::runs;
        if (kind_ == Kind::skips) continue;
        due_.pop_front();
        is_due_.erase(task);
    }
    return runs;
}

bool Pruner::step(std::int64_t task, Ids& excess) {
    if (!walk_) walk_ = Walk{retention_.runs, std::numeric_limits<std::int64_t>::max()};
    if (!walk_->after) return step_back(task);
    const Found found = find(records_up_, skips_up_, task, true);
    walk_->after = found.last;
    for (const engine::RunId run : found.ids) {
        if (std::cmp_greater_equal(run, walk_->before)) return false;
        if (has_ended_.query(run).next()) excess.push_back(run);
    }
    return found.more && found.last < walk_->before;
}

bool Pruner::step_back(std::int64_t task) {
    const Found found = find(records_back_, skips_back_, task, false);
    if (found.ids.size() < walk_->left) {
        walk_->left -= found.ids.size();
        walk_->before = found.last;
        return found.more;
    }
    if (walk_->left > 0) walk_->before = static_cast<std::int64_t>(found.ids[walk_->left - 1]);
    walk_->after = 0;
    return true;
}

Pruner::Found Pruner::find(Statement& records, Statement& skips, std::int64_t task, bool up) {
    const std::int64_t from = up ? *walk_->after : walk_->before;
    const auto read = [&](Statement& statement) {
        Ids ids;
        for (Rows rows = statement.query(task, from, slice_rows); rows.next();) {
            ids.push_back(rows.count(0));
        }
        return ids;
    };
    Ids ids = read(kind_ == Kind::skips ? skips : records);
    const std::int64_t last = ids.empty() ? from : static_cast<std::int64_t>(ids.back());
    const bool more = ids.size() == std::size_t{slice_rows};
    if (kind_ == Kind::runs) {
        const Ids skipped = read(skips);
        Ids runs;
        const auto comes_before = [up](auto a, auto b) { return up ? a < b : a > b; };
        std::set_difference(ids.begin(), ids.end(), skipped.begin(), skipped.end(),
                            std::back_inserter(runs), comes_before);
        ids = std::move(runs);
    }
    return {std::move(ids), last, more};
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
