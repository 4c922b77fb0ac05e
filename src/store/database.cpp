// SPDX-License-Identifier: MIT
#include "store/database.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "core/duration.hpp"

namespace bansuri::store {
namespace {

int primary(int code) { return code & 0xff; }

// Year 10000, give or take.
constexpr std::int64_t farthest = 253'402'300'800'000'000;

}  // namespace

bool DatabaseError::is_corrupt() const {
    return primary(code_) == SQLITE_CORRUPT || primary(code_) == SQLITE_NOTADB;
}

bool DatabaseError::is_full() const {
    if (primary(code_) == SQLITE_FULL) return true;
    if (system_error_ == EIO || system_error_ == EROFS) return false;
    // A quota and a limit are such errors to SQLite, which may have lost their errno on the way.
    return code_ == SQLITE_IOERR_WRITE || code_ == SQLITE_IOERR_SHMSIZE ||
           system_error_ == ENOSPC || system_error_ == EDQUOT || system_error_ == EFBIG;
}

bool DatabaseError::is_rejection() const {
    switch (primary(code_)) {
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH:
        case SQLITE_RANGE:
        case SQLITE_TOOBIG:
        case SQLITE_ERROR: return true;
        default: return false;
    }
}

bool DatabaseError::has_moved() const { return code_ == SQLITE_READONLY_DBMOVED; }

Database::Database(const std::string& path, Access access, std::chrono::milliseconds busy_limit) {
    sqlite3* handle = nullptr;
    const int flags = access == Access::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
    handle_.reset(handle);
    if (handle == nullptr) throw DatabaseError(SQLITE_NOMEM, 0, "open " + path + ": no memory");
    if (code != SQLITE_OK) fail(code, "open " + path);
    sqlite3_extended_result_codes(handle, 1);
    // SQLite takes a file that it may only read as well, and says so at the first write.
    if (access == Access::read_write && sqlite3_db_readonly(handle, "main") == 1) {
        throw DatabaseError(SQLITE_READONLY, EACCES, "open " + path + ": it cannot be written to");
    }
    sqlite3_busy_timeout(handle, static_cast<int>(busy_limit.count()));
    // The file may have been made by somebody else: nothing in it is to be run.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, nullptr);
    execute("PRAGMA cell_size_check = ON");
    // A file that is truncated under a mapping would end the process by SIGBUS.
    execute("PRAGMA mmap_size = 0");
}

void Database::execute(const char* sql) {
    const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code, sql);
}

std::string Database::answer(const char* sql) {
    Statement statement(*this, sql);
    Rows rows = statement.query();
    return rows.next() ? rows.text(0) : std::string();
}

bool Database::has_moved() const {
    int moved = 0;
    sqlite3_file_control(handle_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    return moved != 0;
}

void Database::fail(int code, std::string_view doing) const {
    const int system_error = sqlite3_system_errno(handle_.get());
    throw DatabaseError(code, system_error,
                        fmt::format("{} ({})", sqlite3_errmsg(handle_.get()),
                                    doing.substr(0, doing.find_first_of("(\n"))));
}

bool Rows::next() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) database_.fail(code, sqlite3_sql(statement_));
    return false;
}

std::uint64_t Rows::count(int column, std::uint64_t most) const {
    const std::int64_t value = integer(column);
    return value < 0 ? 0 : std::min(static_cast<std::uint64_t>(value), most);
}

std::string Rows::text(int column) const {
    // The value first: asking for it may convert it, and then its size is another.
    const void* const bytes = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    if (bytes == nullptr || size <= 0) return {};
    return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

Duration Rows::moment(int column) const {
    return Duration(std::clamp(integer(column), -farthest, farthest));
}

Duration Rows::span(int column) const {
    return std::clamp(Duration(integer(column)), Duration::zero(), longest_duration);
}

std::optional<WallTime> Rows::maybe_wall(int column) const {
    if (null(column)) return std::nullopt;
    return wall(column);
}

std::optional<MonoTime> Rows::maybe_mono(int column) const {
    if (null(column)) return std::nullopt;
    return mono(column);
}

Statement::Statement(const Database& database, std::string_view sql) : database_(database) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    statement_.reset(statement);
    if (code != SQLITE_OK) database.fail(code, sql);
}

void Statement::check(int code) const {
    if (code != SQLITE_OK) database_.fail(code, sqlite3_sql(statement_.get()));
}

// Copied rather than referred to: a query outlives the expression that its values came from.
void Statement::bind_at(int index, std::string_view text) {
    const char* const bytes = text.data() == nullptr ? "" : text.data();
    check(sqlite3_bind_text64(statement_.get(), index, bytes, text.size(), SQLITE_TRANSIENT,
                              SQLITE_UTF8));
}

void Statement::bind_at(int index, Blob blob) {
    const char* const bytes = blob.bytes.data() == nullptr ? "" : blob.bytes.data();
    check(sqlite3_bind_blob64(statement_.get(), index, bytes, blob.bytes.size(), SQLITE_TRANSIENT));
}

void Statement::bind_at(int index, std::int64_t value) {
    check(sqlite3_bind_int64(statement_.get(), index, value));
}

void Statement::bind_at(int index, std::nullopt_t) {
    check(sqlite3_bind_null(statement_.get(), index));
}

int Statement::finish() {
    const int code = sqlite3_step(statement_.get());
    if (code != SQLITE_DONE && code != SQLITE_ROW) {
        // Reset only after the message was read: resetting may replace it.
        const Rows resetting(database_, statement_.get());
        database_.fail(code, sqlite3_sql(statement_.get()));
    }
    const int changed = sqlite3_changes(database_.handle());
    sqlite3_reset(statement_.get());
    return changed;
}

Transaction::~Transaction() {
    // Some errors have rolled it back already; this one's failure tells nothing new.
    if (open_) sqlite3_exec(database_.handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace bansuri::store
