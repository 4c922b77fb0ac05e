// SPDX-License-Identifier: MIT
#include "store/live_records.hpp"

namespace bansuri::store {
namespace {

/// A second file within the connection, for as long as this lives.
class Attached {
  public:
    Attached(Database& database, const std::string& path) : database_(database) {
        Statement(database, "ATTACH DATABASE ? AS fresh").run(path);
    }
    ~Attached() {
        sqlite3_exec(database_.handle(), "DETACH DATABASE fresh", nullptr, nullptr, nullptr);
    }
    Attached(const Attached&) = delete;
    Attached& operator=(const Attached&) = delete;

  private:
    Database& database_;
};

}  // namespace

void copy_live_records(Database& from, const std::string& to, engine::RunId last_id) {
    const Attached attached(from, to);
    Transaction transaction(from);
    for (const char* copy : {
             "INSERT OR REPLACE INTO fresh.meta SELECT * FROM main.meta",
             "INSERT INTO fresh.task SELECT * FROM main.task",
             "INSERT INTO fresh.waiting SELECT * FROM main.waiting",
             "INSERT INTO fresh.run SELECT * FROM main.run WHERE outcome IS NULL",
             "INSERT OR IGNORE INTO fresh.run SELECT run.* FROM main.task"
             " JOIN main.run ON run.id = task.last_run",
             "INSERT INTO fresh.attempt SELECT attempt.* FROM fresh.run"
             " JOIN main.attempt ON attempt.run = run.id",
             "INSERT INTO fresh.output SELECT output.* FROM fresh.run"
             " JOIN main.output ON output.run = run.id",
         }) {
        from.execute(copy);
    }
    Statement(from, "INSERT OR REPLACE INTO fresh.meta (key, value) VALUES ('last_run', ?)")
        .run(std::to_string(last_id));
    transaction.commit();
}

}  // namespace bansuri::store
