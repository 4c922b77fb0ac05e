// SPDX-License-Identifier: MIT
//
// SQLite by its C API: a connection, prepared statements and transactions that clean up after
// themselves. What is read is taken for hostile: every value comes out in bounds.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "core/time.hpp"

namespace bansuri::store {

class DatabaseError : public std::runtime_error {
  public:
    DatabaseError(int code, int system_error, const std::string& what)
        : std::runtime_error(what), code_(code), system_error_(system_error) {}
    /// The file is not what SQLite wrote.
    bool is_corrupt() const;
    /// No room: of the disk, of a quota, or by a limit of the process.
    bool is_full() const;
    /// The fault of this statement and its values: the next may succeed.
    bool is_rejection() const;
    /// The file at the path is another one than the open one.
    bool has_moved() const;

  private:
    int code_;  // an extended result code
    int system_error_;
};

/// One connection, for one thread at a time.
class Database {
  public:
    enum class Access { read_only, read_write };
    /// Throws DatabaseError. Does not create a file.
    Database(const std::string& path, Access access, std::chrono::milliseconds busy_limit);

    /// Statements without values and without results.
    void execute(const char* sql);
    /// The first column of the first row, as text; empty if there is none.
    std::string answer(const char* sql);
    /// From any thread: whatever runs fails soon.
    void interrupt() { sqlite3_interrupt(handle_.get()); }
    /// The file at the path is gone, or another one than the open one.
    bool has_moved() const;
    sqlite3* handle() const { return handle_.get(); }
    [[noreturn]] void fail(int code, std::string_view doing) const;

  private:
    struct Close {
        void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    };
    std::unique_ptr<sqlite3, Close> handle_;
};

/// Bytes as they are, for a BLOB.
struct Blob {
    std::string_view bytes;
};

/// What a query gives, row by row. Ends the query when it goes. Columns count from 0; NULL reads as
/// nothing, or as zero where there is no nothing.
class Rows {
  public:
    Rows(const Database& database, sqlite3_stmt* statement)
        : database_(database), statement_(statement) {}
    ~Rows() { sqlite3_reset(statement_); }
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;

    bool next();
    bool null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
    std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
    /// At least 0 and at most `most`.
    std::uint64_t count(int column, std::uint64_t most = std::uint64_t{1} << 62) const;
    bool boolean(int column) const { return integer(column) != 0; }
    std::string text(int column) const;
    WallTime wall(int column) const { return WallTime(moment(column)); }
    MonoTime mono(int column) const { return MonoTime(moment(column)); }
    /// Not negative.
    Duration span(int column) const;
    std::optional<WallTime> maybe_wall(int column) const;
    std::optional<MonoTime> maybe_mono(int column) const;

  private:
    /// Far enough from the ends of the type that sums and differences of a few cannot wrap.
    Duration moment(int column) const;

    const Database& database_;
    sqlite3_stmt* statement_;
};

class Statement {
  public:
    Statement(const Database& database, std::string_view sql);

    /// Rows that it changed.
    template <class... Values>
    int run(const Values&... values) {
        bind(values...);
        return finish();
    }
    template <class... Values>
    [[nodiscard]] Rows query(const Values&... values) {
        bind(values...);
        return {database_, statement_.get()};
    }

  private:
    template <class... Values>
    void bind(const Values&... values) {
        int index = 0;
        (bind_at(++index, values), ...);
    }
    void bind_at(int index, std::int64_t value);
    void bind_at(int index, std::uint64_t value) {
        bind_at(index, static_cast<std::int64_t>(value));
    }
    void bind_at(int index, int value) { bind_at(index, std::int64_t{value}); }
    void bind_at(int index, unsigned value) { bind_at(index, std::int64_t{value}); }
    void bind_at(int index, bool value) { bind_at(index, std::int64_t{value}); }
    void bind_at(int index, std::string_view text);
    void bind_at(int index, const std::string& text) { bind_at(index, std::string_view(text)); }
    void bind_at(int index, const char* text) { bind_at(index, std::string_view(text)); }
    void bind_at(int index, Blob blob);
    void bind_at(int index, std::nullopt_t);
    void bind_at(int index, WallTime time) { bind_at(index, time.time_since_epoch()); }
    void bind_at(int index, MonoTime time) { bind_at(index, time.time_since_epoch()); }
    void bind_at(int index, Duration span) { bind_at(index, std::int64_t{span.count()}); }
    template <class Value>
    void bind_at(int index, const std::optional<Value>& value) {
        if (value) {
            bind_at(index, *value);
        } else {
            bind_at(index, std::nullopt);
        }
    }
    void check(int code) const;
    int finish();

    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    const Database& database_;
    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

/// Rolled back unless committed.
class Transaction {
  public:
    explicit Transaction(Database& database) : database_(database) {
        database_.execute("BEGIN IMMEDIATE");
    }
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit() {
        database_.execute("COMMIT");
        open_ = false;
    }

  private:
    Database& database_;
    bool open_ = true;
};

}  // namespace bansuri::store
