// SPDX-License-Identifier: MIT
#include "store/recorder.hpp"

#include <algorithm>
#include <functional>

#include "store/words.hpp"

namespace bansuri::store {
namespace {

std::optional<std::string_view> path_or_null(const std::string& path) {
    return path.empty() ? std::nullopt : std::optional<std::string_view>(path);
}

// So many new records of a task, or of events, and its oldest are looked at.
constexpr int look_every = 50;

// Beyond it a number is damage, and arithmetic with it no longer safe.
constexpr std::int64_t farthest_id = std::int64_t{1} << 53;

constexpr const char* stopped_waiting = "missed: Bansuri was stopped while it waited";

std::size_t hash(const std::string& text) { return std::hash<std::string>{}(text); }

}  // namespace

Recorder::Recorder(Database& database, OutputKeeper* output)
    : output_(output),
      bounds_(database,
              "SELECT COALESCE((SELECT MAX(id) FROM run), 0),"
              " COALESCE((SELECT MAX(run) FROM attempt), 0),"
              " COALESCE((SELECT MAX(CAST(value AS BIGINT)) FROM meta WHERE key = 'last_run'), 0),"
              " COALESCE((SELECT MAX(id) FROM task), 0), COALESCE((SELECT MAX(id) FROM event), 0),"
              " (SELECT COUNT(*) FROM waiting)"),
      find_task_(database, "SELECT id, schedule FROM task WHERE name = ?"),
      insert_task_(database, "INSERT INTO task (id, name, schedule, since) VALUES (?, ?, '', ?)"),
      know_task_(database,
                 "UPDATE task SET schedule = ?, since = ?, accounted = NULL, tick = NULL "
                 "WHERE id = ?"),
      forget_task_(database,
                   "UPDATE task SET schedule = '', accounted = NULL, tick = NULL WHERE id = ?"),
      stop_all_waiting_(database, "DELETE FROM waiting WHERE task = ?"),
      follow_task_(database,
                   "UPDATE task SET schedule = ?, grid_origin = ?, grid_anchor = ?,"
                   " accounted = COALESCE(?, accounted), tick = COALESCE(?, tick) WHERE id = ?"),
      account_(database,
               "UPDATE task SET accounted = ?, tick = COALESCE(?, tick)"
               " WHERE id = ? AND COALESCE(accounted <= ?, 1)"),
      remember_(database,
                "UPDATE task SET successes = ?, halted = ?, last_ended = ?, failed_in_a_row = ?,"
                " failure_told = ?, expected_since = ?, last_success = ?, incident_since = ?,"
                " incident_told = ?, overdue_told = ? WHERE id = ?"),
      set_last_run_(database, "UPDATE task SET last_run = ? WHERE id = ?"),
      has_instant_(database, "SELECT 1 FROM run WHERE task = ? AND instant = ?"),
      insert_run_(database,
                  "INSERT INTO run (id, task, instant, tick, origin, claimed_at)"
                  " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (task, instant) DO NOTHING"),
      insert_reclaimed_(database, "SELECT 1 FROM run WHERE id = ?"),
      insert_skip_(database,
                   "INSERT INTO run (id, task, instant, origin, claimed_at, ended_at, outcome,"
                   " reason, elapsed, attempts, last_instant, skipped_count, at_least)"
                   " VALUES (?, ?, ?, 'schedule', ?, ?, 'SKIPPED', ?, 0, 0, ?, ?, ?)"
                   " ON CONFLICT (task, instant) DO NOTHING"),
      extend_skip_(database,
                   "UPDATE run SET ended_at = ?, last_instant = ?,"
                   " skipped_count = skipped_count + ?, at_least = (at_least OR ?)"
                   " WHERE id = ? AND outcome = 'SKIPPED'"),
      finish_run_(database,
                  "UPDATE run SET ended_at = ?, outcome = ?, status_kind = ?, status_number = ?,"
                  " core_dumped = ?, reason = ?, elapsed = ?, attempts ="
                  " (SELECT COALESCE(MAX(number), 0) FROM attempt WHERE attempt.run = run.id)"
                  " WHERE id = ? AND outcome IS NULL"),
      wait_(database,
            "INSERT INTO waiting (task, instant, tick) VALUES (?, ?, ?)"
            " ON CONFLICT (task, instant) DO NOTHING"),
      stop_waiting_(database,
                    "DELETE FROM waiting WHERE task = ? AND instant >= ? AND instant <= ?"),
      start_attempt_(
          database,
          "INSERT INTO attempt (run, number, pid, start_time, output_pipe, error_pipe,"
          " started_at, begun, output_offset, error_offset, output_path, error_path)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run, number) DO UPDATE"
          " SET pid = excluded.pid, start_time = excluded.start_time,"
          " output_pipe = excluded.output_pipe, error_pipe = excluded.error_pipe,"
          " started_at = excluded.started_at, begun = excluded.begun,"
          " output_offset = excluded.output_offset,"
          " error_offset = excluded.error_offset,"
          " output_path = excluded.output_path, error_path = excluded.error_path"),
      end_attempt_(database,
                   "INSERT INTO attempt (run, number, ended_at, outcome, status_kind,"
                   " status_number, core_dumped, reason, elapsed, retry_at, survivors,"
                   " output_bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                   " ON CONFLICT (run, number) DO UPDATE SET ended_at = excluded.ended_at,"
                   " outcome = excluded.outcome, status_kind = excluded.status_kind,"
                   " status_number = excluded.status_number, core_dumped = excluded.core_dumped,"
                   " reason = excluded.reason, elapsed = excluded.elapsed,"
                   " retry_at = excluded.retry_at, survivors = excluded.survivors,"
                   " output_bytes = excluded.output_bytes"),
      drop_attempts_(database, "DELETE FROM attempt WHERE run = ? AND number <= ?"),
      drop_outputs_(database, "DELETE FROM output WHERE run = ? AND attempt <= ?"),
      insert_output_(database,
                     "INSERT INTO output (run, attempt, output_index, bytes) VALUES (?, ?, ?, ?)"
                     " ON CONFLICT (run, attempt) DO UPDATE SET"
                     " output_index = excluded.output_index, bytes = excluded.bytes"),
      insert_event_(database, "INSERT INTO event (id, at, kind, text) VALUES (?, ?, ?, ?)"),
      drop_events_(database, "DELETE FROM event WHERE id <= ?"),
      read_meta_(database, "SELECT value FROM meta WHERE key = ?"),
      write_meta_(database,
                  "INSERT INTO meta (key, value) VALUES (?, ?)"
                  " ON CONFLICT (key) DO UPDATE SET value = excluded.value"),
      all_waiting_(database,
                   "SELECT task.name, waiting.instant FROM waiting"
                   " JOIN task ON task.id = waiting.task ORDER BY waiting.instant"),
      clear_waiting_(database, "DELETE FROM waiting"),
      clear_tasks_(database,
                   "UPDATE task SET tick = NULL, grid_origin = 0, grid_anchor = 0, successes = 0,"
                   " halted = 0, last_ended = NULL, failed_in_a_row = 0, failure_told = 0") {
    forget();
}

void Recorder::forget() {
    tasks_.clear();
    moved_output_.clear();
    Rows rows = bounds_.query();
    if (!rows.next()) return;
    for (int column = 0; column < 5; ++column) {
        if (rows.integer(column) < 0 || rows.integer(column) > farthest_id) {
            throw DatabaseError(SQLITE_CORRUPT, 0, "a number in it is out of every range");
        }
    }
    const std::int64_t last = std::max({rows.integer(0), rows.integer(1), rows.integer(2)});
    reserve_ids(static_cast<engine::RunId>(last));
    next_task_ = rows.integer(3) + 1;
    next_event_ = rows.integer(4) + 1;
    waiting_ = rows.integer(5);
}

Recorder::TaskRow* Recorder::find(const std::string& task) {
    const auto known = tasks_.find(task);
    if (known != tasks_.end()) return &known->second;
    Rows rows = find_task_.query(task);
    if (!rows.next()) return nullptr;
    return &tasks_.emplace(task, TaskRow{rows.integer(0), hash(rows.text(1))}).first->second;
}

Recorder::TaskRow& Recorder::row(const std::string& task, WallTime since) {
    if (TaskRow* const found = find(task)) return *found;
    insert_task_.run(next_task_, task, since);
    return tasks_.emplace(task, TaskRow{next_task_++, hash({})}).first->second;
}

void Recorder::follow(TaskRow& row, const Task& task, engine::Grid grid,
                      std::optional<WallTime> accounted, std::optional<MonoTime> tick) {
    const std::string schedule = schedule_text(task);
    follow_task_.run(schedule, grid.origin, grid.anchor, accounted, tick, row.id);
    row.schedule = hash(schedule);
}

int Recorder::stop_waiting(std::int64_t task, WallTime first, WallTime last) {
    if (waiting_ == 0) return 0;
    const int waited = stop_waiting_.run(task, first, last);
    waiting_ -= waited;
    return waited;
}

void Recorder::count_record(TaskRow& row) {
    if (++row.records < look_every) return;
    row.records = 0;
    grown_.push_back(row.id);
}

// Only the first instant of a record is a key of its table. Of older records the others are
// accounted for.
bool Recorder::was_skipped(const TaskRow& row, WallTime instant) {
    const auto& last = row.last_skip;
    return last && last->first <= instant && instant <= last->last;
}

bool Recorder::has(const std::string& task, WallTime instant) {
    const TaskRow* const found = find(task);
    if (found == nullptr) return false;
    if (was_skipped(*found, instant)) return true;
    return has_instant_.query(found->id, instant).next();
}

bool Recorder::insert_run(engine::RunId run, TaskRow& row, const engine::Claim& claim) {
    return insert_run_.run(run, row.id, claim.due.instant, claim.due.tick, word_of(claim.origin),
                           claim.at) > 0;
}

bool Recorder::claim(engine::RunId run, const engine::Claim& claim) {
    const bool scheduled = claim.origin != engine::RunOrigin::manual;
    if (scheduled && was_skipped(row(claim.task->name, claim.at), claim.due.instant)) return false;
    return make_run(run, claim);
}

bool Recorder::make_run(engine::RunId run, const engine::Claim& claim) {
    TaskRow& task = row(claim.task->name, claim.at);
    if (!insert_run(run, task, claim)) return false;
    task.last_skip.reset();
    const bool waited = stop_waiting(task.id, claim.due.instant, claim.due.instant) > 0;
    if (waited || claim.origin == engine::RunOrigin::manual) {
        follow(task, *claim.task, claim.grid, std::nullopt, std::nullopt);
    } else {
        follow(task, *claim.task, claim.grid, claim.due.instant, claim.due.tick);
    }
    count_record(task);
    return true;
}

void Recorder::reclaim(engine::RunId run, engine::Claim claim) {
    reserve_ids(run);
    if (insert_reclaimed_.query(run).next()) return;
    // What ran has run, so it has a record, also if its instant was given away meanwhile.
    for (int attempt = 0; attempt < look_every; ++attempt) {
        if (make_run(run, claim)) return;
        claim.due.instant += Duration(1);
    }
}

void Recorder::waits(const Task& task, const engine::Due& due, engine::Grid grid) {
    TaskRow& known = row(task.name, due.instant);
    known.last_skip.reset();
    follow(known, task, grid, due.instant, due.tick);
    waiting_ += wait_.run(known.id, due.instant, due.tick);
}

bool Recorder::insert_skip(engine::RunId record, TaskRow& row,
                           const engine::SkippedInstants& instants, WallTime at) {
    if (insert_skip_.run(record, row.id, instants.first, at, at, instants.reason, instants.last,
                         instants.count, instants.at_least) == 0) {
        return false;
    }
    row.last_skip = {record, instants.first, instants.last, instants.reason};
    count_record(row);
    return true;
}

// A task that is due each second while its run takes an hour would fill the history with these.
bool Recorder::extend_skip(TaskRow& row, const engine::SkippedInstants& instants, WallTime at) {
    auto& last = row.last_skip;
    if (!last || last->reason != instants.reason || instants.first <= last->last) return false;
    if (has_instant_.query(row.id, instants.first).next()) return false;
    // It may be pruned.
    if (extend_skip_.run(at, instants.last, instants.count, instants.at_least, last->record) == 0) {
        return false;
    }
    last->last = instants.last;
    return true;
}

void Recorder::skipped(engine::RunId record, const Task& task,
                       const engine::SkippedInstants& instants, engine::Grid grid, WallTime at) {
    TaskRow& known = row(task.name, at);
    if (!extend_skip(known, instants, at) && !insert_skip(record, known, instants, at) &&
        instants.first != instants.last) {
        // The first has its record already; the others still have none.
        engine::SkippedInstants rest = instants;
        rest.first = instants.last;
        rest.count = std::max<std::uint64_t>(instants.count, 2) - 1;
        insert_skip(record, known, rest, at);
    }
    if (stop_waiting(known.id, instants.first, instants.last) > 0) {
        follow(known, task, grid, std::nullopt, std::nullopt);
    } else {
        follow(known, task, grid, instants.last, instants.tick);
    }
}

void Recorder::passed(const Task& task, engine::Grid grid, WallTime first, WallTime last,
                      const std::optional<engine::Due>& accounted) {
    TaskRow& known = row(task.name, last);
    known.last_skip.reset();
    follow(known, task, grid, std::nullopt, std::nullopt);
    stop_waiting(known.id, first, last);
    // Never back: some may have waited, and then more is accounted for already.
    if (accounted) account_.run(accounted->instant, accounted->tick, known.id, accounted->instant);
}

void Recorder::attempt_started(engine::RunId run, std::uint32_t attempt,
                               const engine::AttemptStart& start) {
    const engine::ProcessIdentity& process = start.process;
    start_attempt_.run(run, attempt, process.pid, process.start_time, process.output_pipe,
                       process.error_pipe, start.at, start.begun, start.output_offset,
                       start.error_offset, path_or_null(start.output_path),
                       path_or_null(start.error_path));
    if (attempt > most_attempts) {
        drop_attempts_.run(run, attempt - most_attempts);
        drop_outputs_.run(run, attempt - most_attempts);
    }
}

void Recorder::attempt_ended(engine::RunId run, std::uint32_t attempt,
                             const engine::AttemptEnd& end) {
    const StatusColumns status(end.result.status);
    end_attempt_.run(run, attempt, end.at, to_string(end.result.outcome), status.kind,
                     status.number, status.core_dumped, end.result.reason, end.result.elapsed,
                     end.retry_at, word_of(end.survivors), end.output_bytes);
    if (end.output_bytes == 0 || output_ == nullptr) return;
    const auto small = output_->small({run, attempt});
    if (!small) return;
    insert_output_.run(run, attempt, Blob{small->index}, Blob{small->bytes});
    moved_output_.push_back({run, attempt});
}

void Recorder::finish(engine::RunId run, const std::string& task,
                      const engine::AttemptResult& result, WallTime at,
                      const engine::TaskMemory& memory) {
    const StatusColumns status(result.status);
    finish_run_.run(at, to_string(result.outcome), status.kind, status.number, status.core_dumped,
                    result.reason, result.elapsed, run);
    TaskRow& known = row(task, at);
    write_memory(known, memory);
    set_last_run_.run(run, known.id);
}

void Recorder::remember(const std::string& task, const engine::TaskMemory& memory) {
    write_memory(row(task, {}), memory);
}

void Recorder::write_memory(TaskRow& row, const engine::TaskMemory& memory) {
    remember_.run(memory.successes, memory.halted, word_of(memory.last_ended),
                  memory.failed_in_a_row, memory.failure_told, memory.watch.expected_since,
                  memory.watch.last_success, memory.watch.incident_since,
                  memory.watch.incident_told, memory.watch.overdue_told, row.id);
}

void Recorder::know(const Task& task, WallTime at) {
    const std::string schedule = schedule_text(task);
    TaskRow& known = row(task.name, at);
    if (known.schedule == hash(schedule)) return;
    know_task_.run(schedule, at, known.id);
    known.schedule = hash(schedule);
}

void Recorder::forget_task(const std::string& task) {
    TaskRow* const known = find(task);
    if (known == nullptr) return;
    forget_task_.run(known->id);
    known->schedule = hash({});
    if (waiting_ > 0) waiting_ -= stop_all_waiting_.run(known->id);
}

void Recorder::event(WallTime at, const std::string& kind, const std::string& text) {
    insert_event_.run(next_event_, at, kind, text);
    if (next_event_ % look_every == 0) {
        drop_events_.run(next_event_ - static_cast<std::int64_t>(most_events));
    }
    ++next_event_;
}

void Recorder::begin_session(const std::string& boot_id, const std::string& session,
                             engine::RunId after, WallTime at) {
    const auto is = [this](const char* key, const std::string& value) {
        Rows rows = read_meta_.query(key);
        return rows.next() && rows.text(0) == value;
    };
    const bool same_boot = is("boot_id", boot_id);
    if (same_boot && is("session", session)) return;
    std::vector<std::pair<std::string, WallTime>> waited;
    for (Rows rows = all_waiting_.query(); rows.next();) {
        waited.emplace_back(rows.text(0), rows.wall(1));
    }
    for (const auto& [task, instant] : waited) {
        insert_skip(take_id(), row(task, at), {instant, instant, 1, false, stopped_waiting}, at);
    }
    clear_waiting_.run();
    waiting_ = 0;
    clear_tasks_.run();
    const std::string last = std::to_string(after);
    if (!same_boot) write_meta_.run("boot_after", last);
    write_meta_.run("boot_id", boot_id);
    write_meta_.run("session_after", last);
    write_meta_.run("session", session);
}

}  // namespace bansuri::store
