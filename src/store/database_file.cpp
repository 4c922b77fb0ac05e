// SPDX-License-Identifier: MIT
#include "store/database_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <vector>

#include "core/iso8601.hpp"
#include "store/schema.hpp"

namespace bansuri::store {
namespace {

// Examined while the engine waits for its store: some 100 ms at most.
constexpr std::uint64_t examined_at_once = 8 << 20;

// Writers wait so long for a reader with a tool of its own; then runs go on without them.
constexpr std::chrono::milliseconds busy_limit(250);

constexpr std::array companions = {"-wal", "-shm"};

const std::string aside_prefix = "bansuri.db.corrupt-";

[[noreturn]] void broken(const char* call, const std::string& path) {
    throw std::system_error(errno, std::generic_category(), fmt::format("{} \"{}\"", call, path));
}

bool exists(const std::string& path) {
    struct stat info {};
    return ::lstat(path.c_str(), &info) == 0;
}

std::uint64_t size_of(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

void remove_if_there(const std::string& path) {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) broken("unlink", path);
}

/// Makes a file, or the names in a directory, survive a loss of power.
void sync(const std::string& path, int flags) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
    if (fd < 0) broken("open", path);
    const int failed = ::fsync(fd) == 0 ? 0 : errno;
    ::close(fd);
    errno = failed;
    if (failed != 0) broken("fsync", path);
}

/// For a file name: no colons.
std::string stamp(WallTime now) {
    std::string text = format_utc(now);
    std::erase_if(text, [](char c) { return c == ':' || c == '-'; });
    return text;
}

bool is_damage(const DatabaseError& error) {
    // Statements that worked on every file of ours and are refused by this one: tables are missing.
    return error.is_corrupt() || error.is_rejection();
}

}  // namespace

DatabaseFile::Opened DatabaseFile::open(WallTime now, const std::function<void(Database&)>& use) {
    std::string why = header_problem();
    try {
        if (why.empty()) {
            if (!exists(path())) {
                prepare();
                publish();
            }
            return open_as_it_is(use);
        }
    } catch (const DatabaseError& error) {
        if (!is_damage(error)) throw;
        why = error.what();
    } catch (const SchemaTooNew& error) {
        throw SchemaTooNew(fmt::format("open \"{}\": {}", path(), error.what()));
    }
    const std::string name = move_aside(now);
    prepare();
    publish();
    Opened opened = open_as_it_is(use);
    opened.moved_aside = name;
    opened.why = std::move(why);
    return opened;
}

DatabaseFile::Opened DatabaseFile::open_as_it_is(const std::function<void(Database&)>& use) {
    const bool suspected = exists(marker());
    const bool small = size_of(path()) + size_of(path() + "-wal") <= examined_at_once;
    Opened opened{connect(), {}, {}, {}, !small && !suspected};
    if (!opened.unexamined) opened.mended = mend(opened.database);
    use(opened.database);
    remove_if_there(marker());
    return opened;
}

Database DatabaseFile::connect() {
    Database database(path(), Database::Access::read_write, busy_limit);
    const std::string mode = database.answer("PRAGMA journal_mode = WAL");
    if (mode != "wal") {
        throw std::runtime_error(
            fmt::format("open \"{}\": no write-ahead log there, but \"{}\"; its file system may be "
                        "one without shared memory",
                        path(), mode));
    }
    database.execute("PRAGMA cache_size = -4000");
    database.execute("PRAGMA journal_size_limit = 16777216");
    database.execute("PRAGMA wal_autocheckpoint = 64");
    migrate(database);
    return database;
}

DatabaseFile::Opened DatabaseFile::renew(WallTime now,
                                         const std::function<void(const std::string& path)>& fill) {
    prepare();
    fill(made());
    std::string aside;
    if (exists(path())) aside = move_aside(now);
    publish();
    return {connect(), std::move(aside), {}, {}, false};
}

std::string DatabaseFile::examine(Database& database) {
    const std::string found = database.answer("PRAGMA integrity_check(1)");
    return found == "ok" ? std::string() : found;
}

std::string DatabaseFile::mend(Database& database) {
    std::string found = examine(database);
    if (found.empty()) return found;
    const auto give_up = [](const std::string& why) {
        throw DatabaseError(SQLITE_CORRUPT, 0, why);
    };
    // The pages first: in a file that takes one page for two things, writing does more damage.
    if (const std::string pages = database.answer("PRAGMA quick_check(1)"); pages != "ok") {
        give_up(pages);
    }
    try {
        database.execute("REINDEX");
    } catch (const DatabaseError& error) {
        if (!is_damage(error)) throw;
        give_up(found);
    }
    if (const std::string still = examine(database); !still.empty()) give_up(still);
    return found;
}

void DatabaseFile::suspect() const noexcept {
    const int fd = ::open(marker().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) ::close(fd);
}

// By hand, before SQLite has the file: closing a descriptor of it later would take away its locks.
std::string DatabaseFile::header_problem() const {
    const int fd =
        ::open(path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        if (errno == ENOENT) {
            return size_of(path() + "-wal") > 0 ? "its write-ahead log is there, and it is not"
                                                : "";
        }
        if (errno == ELOOP) return "it is a symbolic link";
        broken("open", path());
    }
    struct stat info {};
    std::array<char, 100> header{};
    const bool regular = ::fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    const ssize_t size = regular ? ::pread(fd, header.data(), header.size(), 0) : 0;
    const int read_error = size < 0 ? errno : 0;
    ::close(fd);
    if (!regular) return "it is no regular file";
    if (read_error != 0) {
        errno = read_error;
        broken("read", path());
    }
    // It gets its name when it is complete, so an empty one has lost what was in it.
    if (size == 0) return "it is empty";
    constexpr std::string_view magic("SQLite format 3\0", 16);
    if (size < static_cast<ssize_t>(header.size()) ||
        std::string_view(header.data(), magic.size()) != magic) {
        return "it is not a database";
    }
    // A file that only later versions of SQLite may write to would be opened, for reading alone.
    const auto version = [&](std::size_t offset) { return header.at(offset); };
    if (version(18) != version(19) || version(18) < 1 || version(18) > 2) {
        return "its header is damaged";
    }
    return {};
}

void DatabaseFile::prepare() const {
    remove_if_there(made());
    remove_if_there(made() + "-journal");
    const int fd = ::open(made().c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) broken("open", made());
    ::close(fd);
    Database database(made(), Database::Access::read_write, busy_limit);
    // Nobody knows this name: a crash leaves nothing worth keeping, so one sync at the end does.
    database.execute("PRAGMA synchronous = OFF");
    database.answer("PRAGMA journal_mode = MEMORY");
    migrate(database);
}

void DatabaseFile::publish() const {
    Database(made(), Database::Access::read_write, busy_limit).answer("PRAGMA journal_mode = WAL");
    sync(made(), O_RDONLY);
    for (const char* companion : companions) remove_if_there(path() + companion);
    if (::rename(made().c_str(), path().c_str()) != 0) broken("rename", made());
    sync(directory_, O_RDONLY | O_DIRECTORY);
}

std::string DatabaseFile::move_aside(WallTime now) const {
    std::string name = aside_prefix + stamp(now);
    for (int again = 2; exists(directory_ + "/" + name); ++again) {
        name = fmt::format("{}{}-{}", aside_prefix, stamp(now), again);
    }
    // Its log first: a new file must never meet the log of an old one.
    for (const char* part : {"-wal", "-shm", ""}) {
        const std::string from = path() + part;
        const std::string to = directory_ + "/" + name + part;
        if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) broken("rename", from);
    }
    sync(directory_, O_RDONLY | O_DIRECTORY);
    forget_oldest(name);
    return name;
}

// Names rather than times: they say when, and a copy of the directory keeps them.
void DatabaseFile::forget_oldest(const std::string& newest) const {
    constexpr std::size_t kept = 3;
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(directory_, error)) {
        std::string name = entry.path().filename().string();
        const bool is_part = name.ends_with(companions[0]) || name.ends_with(companions[1]);
        if (name.starts_with(aside_prefix) && !is_part && name != newest) {
            names.push_back(std::move(name));
        }
    }
    std::sort(names.begin(), names.end(), [](const std::string& one, const std::string& other) {
        return ::strverscmp(one.c_str(), other.c_str()) > 0;
    });
    for (std::size_t index = kept - 1; index < names.size(); ++index) {
        for (const char* part : {"-wal", "-shm", ""}) {
            ::unlink((directory_ + "/" + names[index] + part).c_str());
        }
    }
}

}  // namespace bansuri::store
