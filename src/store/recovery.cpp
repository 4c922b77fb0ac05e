// SPDX-License-Identifier: MIT
#include "store/recovery.hpp"

#include <charconv>
#include <limits>
#include <unordered_map>

#include "store/words.hpp"

namespace bansuri::store {
namespace {

constexpr std::uint64_t most_number = std::numeric_limits<std::uint32_t>::max();

engine::UnfinishedRun::LastAttempt last_attempt(const Rows& rows) {
    engine::UnfinishedRun::LastAttempt last;
    last.number = static_cast<std::uint32_t>(rows.count(0, most_number));
    if (!rows.null(1)) {
        engine::AttemptStart start;
        start.process = {static_cast<pid_t>(rows.count(1, most_pid)), rows.count(2), rows.count(3),
                         rows.count(4)};
        start.at = rows.wall(5);
        start.begun = rows.mono(6);
        start.output_offset = rows.count(7);
        start.error_offset = rows.count(8);
        start.output_path = rows.text(19);
        start.error_path = rows.text(20);
        last.start = std::move(start);
    }
    if (auto result = result_of(rows, 9)) {
        engine::AttemptEnd end;
        end.result = *std::move(result);
        end.at = rows.wall(15);
        end.retry_at = rows.maybe_mono(16);
        end.survivors = pids_of(rows.text(17));
        end.output_bytes = rows.count(18);
        last.end = std::move(end);
    }
    return last;
}

/// `session_after` and `boot_after`: runs with a higher id are of this session, of this boot.
std::vector<engine::UnfinishedRun> unfinished(Database& database, engine::RunId session_after,
                                              engine::RunId boot_after) {
    std::vector<engine::UnfinishedRun> runs;
    Statement find_runs(database,
                        "SELECT run.id, task.name, run.instant, run.tick, run.origin FROM run"
                        " LEFT JOIN task ON task.id = run.task WHERE run.outcome IS NULL"
                        " ORDER BY run.id");
    Statement find_last(
        database,
        "SELECT number, pid, start_time, output_pipe, error_pipe, started_at, begun,"
        " output_offset, error_offset, outcome, status_kind, status_number,"
        " core_dumped, reason, elapsed, ended_at, retry_at, survivors, output_bytes,"
        " output_path, error_path"
        " FROM attempt WHERE run = ? ORDER BY number DESC LIMIT 1");
    for (Rows rows = find_runs.query(); rows.next();) {
        if (rows.null(1)) throw DatabaseError(SQLITE_CORRUPT, 0, "a run in it is of no task");
        engine::UnfinishedRun run;
        run.id = rows.count(0);
        run.task = rows.text(1);
        run.due = {rows.wall(2), rows.maybe_mono(3)};
        run.origin = origin_of(rows.text(4));
        run.same_session = run.id > session_after;
        run.same_boot = run.id > boot_after;
        Rows last = find_last.query(run.id);
        if (last.next()) run.last = last_attempt(last);
        runs.push_back(std::move(run));
    }
    return runs;
}

engine::RunId number_of(const std::string& digits) {
    engine::RunId number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return number;
}

unsigned small_count(const Rows& rows, int column) {
    return static_cast<unsigned>(rows.count(column, 1'000'000'000));
}

}  // namespace

engine::Recovery read_recovery(Database& database, const std::string& boot_id,
                               const std::string& session) {
    const auto meta = [&](const char* key) {
        Statement statement(database, "SELECT value FROM meta WHERE key = ?");
        Rows rows = statement.query(key);
        return rows.next() ? rows.text(0) : std::string();
    };
    engine::Recovery left;
    const bool same_boot = !boot_id.empty() && meta("boot_id") == boot_id;
    left.same_session = same_boot && !session.empty() && meta("session") == session;
    // The runs of one that is over come before all that this one has claimed.
    const auto ids_after = [&](bool same, const char* key) {
        return same ? number_of(meta(key)) : std::numeric_limits<engine::RunId>::max();
    };
    left.runs = unfinished(database, ids_after(left.same_session, "session_after"),
                           ids_after(same_boot, "boot_after"));
    Statement find_last_id(database, "SELECT COALESCE(MAX(id), 0) FROM run");
    if (Rows rows = find_last_id.query(); rows.next()) left.last_id = rows.count(0);

    std::unordered_map<std::int64_t, std::size_t> places;
    Statement find_tasks(database,
                         "SELECT task.id, name, schedule, since, accounted, task.tick,"
                         " grid_origin, grid_anchor, successes, halted, last_ended,"
                         " failed_in_a_row, failure_told, run.id, run.outcome, run.ended_at,"
                         " expected_since, last_success, incident_since, incident_told,"
                         " overdue_told"
                         " FROM task LEFT JOIN run ON run.id = task.last_run ORDER BY task.id");
    for (Rows rows = find_tasks.query(); rows.next();) {
        engine::TaskProgress& task = left.tasks.emplace_back();
        task.task = rows.text(1);
        task.schedule = rows.text(2);
        task.since = rows.wall(3);
        task.accounted = rows.maybe_wall(4);
        if (!rows.null(13) && !rows.null(15)) {
            task.last = engine::LastRun{rows.count(13), outcome_of(rows.text(14)), rows.wall(15)};
        }
        task.memory.watch = {rows.wall(16), rows.wall(17), rows.wall(18), rows.wall(19),
                             rows.boolean(20)};
        if (!left.same_session) continue;
        places.emplace(rows.integer(0), left.tasks.size() - 1);
        task.tick = rows.maybe_mono(5);
        task.grid = {rows.mono(6), rows.wall(7)};
        task.memory = {small_count(rows, 8),  rows.boolean(9),  state_of(rows.text(10)),
                       small_count(rows, 11), rows.boolean(12), task.memory.watch};
    }
    if (!left.same_session) return left;
    Statement find_waiting(database, "SELECT task, instant, tick FROM waiting ORDER BY instant");
    for (Rows rows = find_waiting.query(); rows.next();) {
        const auto place = places.find(rows.integer(0));
        if (place == places.end()) continue;
        left.tasks[place->second].waiting.push_back({rows.wall(1), rows.maybe_mono(2)});
    }
    return left;
}

}  // namespace bansuri::store
