// SPDX-License-Identifier: MIT
#include "store/sqlite_history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "store/redirected_output.hpp"
#include "store/words.hpp"

namespace bansuri::store {
namespace {

constexpr std::uint64_t most_number = std::numeric_limits<std::uint32_t>::max();
constexpr std::int64_t after_all = std::numeric_limits<std::int64_t>::max();

constexpr std::string_view run_columns =
    "SELECT run.id, task.name, run.instant, run.origin, run.claimed_at, run.ended_at, run.outcome,"
    " run.status_kind, run.status_number, run.core_dumped, run.reason, run.elapsed,"
    " COALESCE(run.attempts,"
    " (SELECT MAX(number) FROM attempt WHERE attempt.run = run.id), 0),"
    " run.last_instant, run.skipped_count, run.at_least"
    " FROM run LEFT JOIN task ON task.id = run.task WHERE ";

engine::RunRecord record_of(const Rows& rows) {
    engine::RunRecord record;
    record.id = rows.count(0);
    record.task = rows.text(1);
    record.instant = rows.wall(2);
    record.origin = origin_of(rows.text(3));
    record.claimed_at = rows.wall(4);
    record.ended_at = rows.maybe_wall(5);
    record.result = result_of(rows, 6);
    record.attempts = static_cast<std::uint32_t>(rows.count(12, most_number));
    record.last_instant = rows.null(13) ? record.instant : rows.wall(13);
    record.skipped_count = rows.count(14);
    record.at_least = rows.boolean(15);
    return record;
}

engine::AttemptRecord attempt_of(const Rows& rows) {
    engine::AttemptRecord record;
    record.run = rows.count(0);
    record.number = static_cast<std::uint32_t>(rows.count(1, most_number));
    record.pid = static_cast<pid_t>(rows.count(2, most_pid));
    record.started_at = rows.maybe_wall(3);
    record.ended_at = rows.maybe_wall(4);
    record.result = result_of(rows, 5);
    record.survivors = pids_of(rows.text(11));
    record.output_bytes = rows.count(12);
    record.output_path = rows.text(13);
    record.error_path = rows.text(14);
    return record;
}

// One text for each kind of question, so that each has an index that gives it in order. What did
// not succeed is rare and has indexes of its own, which are used when the text says that it is
// such.
std::string question(const engine::HistoryQuery& query) {
    std::string text(run_columns);
    if (query.task) text += "run.task = (SELECT id FROM task WHERE name = ?) AND ";
    if (query.outcome) text += "run.outcome = ? AND ";
    if (query.outcome && query.outcome != Outcome::success) text += "run.outcome <> 'SUCCESS' AND ";
    // IS NOT holds of what has no outcome yet.
    if (query.without_skips) text += "run.outcome IS NOT 'SKIPPED' AND ";
    return text + "run.id < ? ORDER BY run.id DESC LIMIT ?";
}

}  // namespace

struct SqliteHistory::Connection {
    explicit Connection(const std::string& file)
        : database(file, Database::Access::read_only, std::chrono::seconds(2)),
          run(database, std::string(run_columns) + "run.id = ?"),
          attempts(database,
                   "SELECT run, number, pid, started_at, ended_at, outcome, status_kind,"
                   " status_number, core_dumped, reason, elapsed, survivors, output_bytes,"
                   " output_path, error_path"
                   " FROM attempt WHERE run = ? ORDER BY number DESC LIMIT ?"),
          ended(database,
                "SELECT attempt.ended_at IS NOT NULL OR run.outcome IS NOT NULL FROM attempt"
                " LEFT JOIN run ON run.id = attempt.run"
                " WHERE attempt.run = ? AND attempt.number = ?"),
          redirected(database,
                     "SELECT output_path, output_offset, error_path, error_offset FROM attempt"
                     " WHERE run = ? AND number = ?"),
          next_run(database,
                   "SELECT id FROM run WHERE task = (SELECT task FROM run WHERE id = ?) AND id > ?"
                   " AND (outcome IS NULL OR outcome <> 'SKIPPED') ORDER BY id LIMIT 1"),
          output(database, "SELECT output_index, bytes FROM output WHERE run = ? AND attempt = ?"),
          events(database, "SELECT id, at, kind, text FROM event ORDER BY id DESC LIMIT ?") {
        database.execute("PRAGMA cache_size = -1000");
    }

    /// Nothing if that stream was not redirected.
    std::optional<engine::RedirectedStream> redirected_stream(engine::RunId id,
                                                              std::uint32_t attempt, int column) {
        Rows rows = redirected.query(id, attempt);
        if (!rows.next() || rows.text(column).empty()) return std::nullopt;
        return engine::RedirectedStream{rows.text(column), rows.count(column + 1), std::nullopt};
    }
    /// The same, with its end: where the task's next attempt began in the same file.
    std::optional<engine::RedirectedStream> redirected_part(engine::RunId id, std::uint32_t attempt,
                                                            bool is_error) {
        const int column = is_error ? 2 : 0;
        auto stream = redirected_stream(id, attempt, column);
        if (!stream) return stream;
        auto next = redirected_stream(id, attempt + 1, column);
        if (!next) {
            Rows rows = next_run.query(id, id);
            if (rows.next()) next = redirected_stream(rows.count(0), 1, column);
        }
        if (next && next->path == stream->path && next->begin >= stream->begin) {
            stream->end = next->begin;
        }
        return stream;
    }

    Database database;
    Statement run, attempts, ended, redirected, next_run, output, events;
};

SqliteHistory::SqliteHistory(std::string file, OutputReader* output)
    : file_(std::move(file)), output_(output) {}

SqliteHistory::~SqliteHistory() = default;

void SqliteHistory::renew() {
    if (!connection_ || !connection_->database.has_moved()) return;
    try {
        connection_ = std::make_unique<Connection>(file_);
    } catch (const DatabaseError&) {
        // It was removed, and no other was begun yet: the open one still has all.
    }
}

template <class Read>
auto SqliteHistory::reading(Read read) {
    try {
        renew();
        if (!connection_) connection_ = std::make_unique<Connection>(file_);
        return read(*connection_);
    } catch (const DatabaseError& error) {
        connection_.reset();
        throw std::runtime_error(fmt::format("read \"{}\": {}", file_, error.what()));
    }
}

std::vector<engine::RunRecord> SqliteHistory::runs(const engine::HistoryQuery& query) {
    return reading([&](Connection& connection) {
        Statement statement(connection.database, question(query));
        const std::int64_t before = query.before
                                        ? static_cast<std::int64_t>(std::min(
                                              *query.before, static_cast<engine::RunId>(after_all)))
                                        : after_all;
        const std::uint64_t limit = std::min(query.limit, most_records);
        std::vector<engine::RunRecord> found;
        const auto take = [&](Rows rows) {
            while (rows.next()) found.push_back(record_of(rows));
        };
        const std::string outcome(query.outcome ? to_string(*query.outcome) : "");
        if (query.task && query.outcome) {
            take(statement.query(*query.task, outcome, before, limit));
        } else if (query.task) {
            take(statement.query(*query.task, before, limit));
        } else if (query.outcome) {
            take(statement.query(outcome, before, limit));
        } else {
            take(statement.query(before, limit));
        }
        return found;
    });
}

std::optional<engine::RunRecord> SqliteHistory::run(engine::RunId id) {
    return reading([&](Connection& connection) -> std::optional<engine::RunRecord> {
        Rows rows = connection.run.query(id);
        if (!rows.next()) return std::nullopt;
        return record_of(rows);
    });
}

std::vector<engine::AttemptRecord> SqliteHistory::attempts(engine::RunId id) {
    return reading([&](Connection& connection) {
        std::vector<engine::AttemptRecord> found;
        constexpr std::uint64_t most = 1000;
        for (Rows rows = connection.attempts.query(id, most); rows.next();) {
            found.push_back(attempt_of(rows));
        }
        std::reverse(found.begin(), found.end());
        return found;
    });
}

std::optional<engine::OutputPiece> SqliteHistory::output(engine::RunId id, std::uint32_t attempt,
                                                         engine::OutputChoice choice,
                                                         std::uint64_t position,
                                                         std::size_t limit) {
    using Piece = std::optional<engine::OutputPiece>;
    return reading([&](Connection& connection) -> Piece {
        bool ended = false;
        {
            Rows rows = connection.ended.query(id, attempt);
            if (!rows.next()) return std::nullopt;
            ended = rows.boolean(0);
        }
        const bool is_error = choice == engine::OutputChoice::standard_error;
        if (const auto stream = connection.redirected_part(id, attempt, is_error)) {
            Piece piece = read_redirected(*stream, is_error, position, limit);
            piece->complete = piece->complete && ended;
            return piece;
        }
        if (output_ == nullptr) return std::nullopt;
        const auto of_database = [&]() -> Piece {
            Rows rows = connection.output.query(id, attempt);
            if (!rows.next()) return std::nullopt;
            return output_->read(SmallOutput{rows.text(0), rows.text(1)}, position, limit);
        };
        Piece piece = of_database();
        if (!piece) piece = output_->read(engine::AttemptId{id, attempt}, position, limit);
        // Between the two questions it may have moved from the files into the database.
        if (!piece) piece = of_database();
        if (!piece) {
            piece.emplace();
            piece->begin = piece->end = position;
            piece->complete = true;
        }
        piece->complete = piece->complete && ended;
        return piece;
    });
}

std::vector<engine::EventRecord> SqliteHistory::events(std::size_t limit) {
    return reading([&](Connection& connection) {
        std::vector<engine::EventRecord> found;
        const std::uint64_t most = std::min(limit, most_records);
        for (Rows rows = connection.events.query(most); rows.next();) {
            found.push_back({rows.count(0), rows.wall(1), rows.text(2), rows.text(3)});
        }
        return found;
    });
}

}  // namespace bansuri::store
