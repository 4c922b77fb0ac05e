// SPDX-License-Identifier: MIT
#include "store/schema.hpp"

#include <fmt/format.h>

#include <array>

namespace bansuri::store {
namespace {

// Step N makes version N + 1 of version N. A step that was released is never changed.
//
// Times are microseconds since 1970 (UTC), but for tick, grid_origin, begun and retry_at: those are
// CLOCK_BOOTTIME. Words are those of the API. Skipped instants are rows of `run`, so that history
// is one ordered list and (task, instant) one key for both.
constexpr std::array steps = {
    R"(CREATE TABLE meta (
    key TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    schedule TEXT NOT NULL,
    since BIGINT NOT NULL,
    accounted BIGINT,
    tick BIGINT,
    grid_origin BIGINT NOT NULL DEFAULT 0,
    grid_anchor BIGINT NOT NULL DEFAULT 0,
    successes BIGINT NOT NULL DEFAULT 0,
    halted INTEGER NOT NULL DEFAULT 0,
    last_ended TEXT,
    failed_in_a_row BIGINT NOT NULL DEFAULT 0,
    failure_told INTEGER NOT NULL DEFAULT 0,
    last_run BIGINT
);
CREATE TABLE waiting (
    task BIGINT NOT NULL,
    instant BIGINT NOT NULL,
    tick BIGINT,
    PRIMARY KEY (task, instant)
) WITHOUT ROWID;
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    task BIGINT NOT NULL,
    instant BIGINT NOT NULL,
    tick BIGINT,
    origin TEXT NOT NULL,
    claimed_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome TEXT,
    status_kind TEXT,
    status_number INTEGER,
    core_dumped INTEGER,
    reason TEXT,
    elapsed BIGINT,
    attempts BIGINT,
    last_instant BIGINT,
    skipped_count BIGINT,
    at_least INTEGER,
    UNIQUE (task, instant)
);
CREATE INDEX run_of_task ON run (task, id);
CREATE INDEX run_unfinished ON run (id) WHERE outcome IS NULL;
CREATE INDEX run_unsuccessful ON run (outcome, id) WHERE outcome <> 'SUCCESS';
CREATE INDEX run_of_task_unsuccessful ON run (task, outcome, id) WHERE outcome <> 'SUCCESS';
CREATE TABLE attempt (
    run BIGINT NOT NULL,
    number BIGINT NOT NULL,
    pid BIGINT,
    start_time BIGINT,
    output_pipe BIGINT,
    error_pipe BIGINT,
    started_at BIGINT,
    begun BIGINT,
    output_offset BIGINT,
    error_offset BIGINT,
    output_path TEXT,
    error_path TEXT,
    ended_at BIGINT,
    outcome TEXT,
    status_kind TEXT,
    status_number INTEGER,
    core_dumped INTEGER,
    reason TEXT,
    elapsed BIGINT,
    retry_at BIGINT,
    survivors TEXT,
    output_bytes BIGINT,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;
CREATE TABLE output (
    run BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    output_index BLOB NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (run, attempt)
);
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
);)",
    // Zero: never. What outlives a session: begin_session() leaves these as they are.
    R"(ALTER TABLE task ADD COLUMN expected_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN last_success BIGINT NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN incident_since BIGINT NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN incident_told BIGINT NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN overdue_told INTEGER NOT NULL DEFAULT 0;
UPDATE task SET last_success = COALESCE((SELECT MAX(ended_at) FROM run
    WHERE run.task = task.id AND run.outcome = 'SUCCESS'), 0);)",
};

[[noreturn]] void not_ours(const std::string& why) { throw DatabaseError(SQLITE_CORRUPT, 0, why); }

// A letter of it that is damaged may still be SQL, and mean something else: a column that is no key
// any more, for one.
void expect_schema(const Database& database) {
    Database whole(":memory:", Database::Access::read_write, {});
    for (const char* step : steps) whole.execute(step);
    const char* const of_all = "SELECT name, type, tbl_name, COALESCE(sql, '') FROM sqlite_schema";
    Statement expected(whole, of_all);
    Statement found(database, fmt::format("{} WHERE name = ?", of_all));
    for (Rows rows = expected.query(); rows.next();) {
        Rows same = found.query(rows.text(0));
        bool is_same = same.next();
        for (int column = 1; is_same && column < 4; ++column) {
            is_same = same.text(column) == rows.text(column);
        }
        if (!is_same) not_ours(fmt::format("its schema is damaged: \"{}\"", rows.text(0)));
    }
}

int number_of(const std::string& digits) {
    return digits.empty() || digits.size() > 9 ? -1 : std::atoi(digits.c_str());
}

}  // namespace

const int schema_version = static_cast<int>(steps.size());

void migrate(Database& database) {
    const int version = number_of(database.answer("PRAGMA user_version"));
    const std::string id = database.answer("PRAGMA application_id");
    if (version == 0) {
        // Only a file that this process has just made is empty.
        if (database.answer("SELECT count(*) FROM sqlite_master") != "0") {
            not_ours("it has no schema version");
        }
    } else {
        if (id != std::to_string(application_id)) not_ours("it is not a file of Bansuri");
        // Said twice, so that a damaged byte is not taken for a later version.
        const int said =
            number_of(database.answer("SELECT value FROM meta WHERE key = 'schema_version'"));
        if (said != version) not_ours("its schema version is damaged");
    }
    if (version > schema_version) {
        throw SchemaTooNew(
            fmt::format("its schema has version {}, and this Bansuri knows {}; "
                        "start the Bansuri that wrote it, or another state directory",
                        version, schema_version));
    }
    for (int next = version; next < schema_version; ++next) {
        Transaction transaction(database);
        database.execute(steps.at(static_cast<std::size_t>(next)));
        const std::string said = std::to_string(next + 1);
        Statement(database,
                  "INSERT INTO meta (key, value) VALUES ('schema_version', ?) "
                  "ON CONFLICT (key) DO UPDATE SET value = excluded.value")
            .run(said);
        database.execute(fmt::format("PRAGMA application_id = {}", application_id).c_str());
        database.execute(("PRAGMA user_version = " + said).c_str());
        transaction.commit();
    }
    expect_schema(database);
}

}  // namespace bansuri::store
