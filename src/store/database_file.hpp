// SPDX-License-Identifier: MIT
//
// bansuri.db and what lies beside it: made whole or not at all, examined before it is used, moved
// aside when it is damaged.
#pragma once

#include <functional>
#include <string>

#include "store/database.hpp"

namespace bansuri::store {

/// Of one state directory, which is locked: nobody else opens or moves these files.
class DatabaseFile {
  public:
    explicit DatabaseFile(std::string directory) : directory_(std::move(directory)) {}

    struct Opened {
        Database database;
        std::string moved_aside;  ///< the new name of what lay there and is not used; or empty
        std::string why;          ///< it was moved: what is wrong with it
        std::string mended;       ///< what was wrong with an index, which was made anew
        bool unexamined = false;  ///< too large to be examined now: examine() it later
    };
    /// Opens the file, or makes it. `use` reads from it what is needed at start; the file counts as
    /// damaged if that fails. Throws std::runtime_error, with the path and the cause, if the
    /// directory cannot be written to or the file is of a later version (SchemaTooNew).
    Opened open(WallTime now, const std::function<void(Database&)>& use);
    /// Opens it again, without a look at what is in it. Throws the same.
    Database reopen() { return connect(); }
    /// In place of the one that was open, which was removed: `fill` writes what is to be in it from
    /// the beginning, by the path that it is given. Throws the same, and what `fill` throws.
    Opened renew(WallTime now, const std::function<void(const std::string& path)>& fill);

    /// What SQLite's own check finds, of every page: minutes for a large file. Empty: all is well.
    static std::string examine(Database& database);
    /// Makes every index anew from its table, if all that is wrong is in them. Returns what was, or
    /// nothing. Throws DatabaseError, as corrupt, if the tables are damaged.
    static std::string mend(Database& database);
    /// The next open() examines the file whatever its size. Throws nothing: it may be too late.
    void suspect() const noexcept;

    std::string path() const { return directory_ + "/bansuri.db"; }

  private:
    std::string marker() const { return path() + ".suspect"; }
    /// Why the file cannot be one of ours, by its first bytes; empty: it may be.
    std::string header_problem() const;
    std::string made() const { return path() + ".new"; }
    void prepare() const;
    /// What is prepared becomes the file.
    void publish() const;
    std::string move_aside(WallTime now) const;
    /// Those that were moved aside are kept in case somebody can read more of them; a few.
    void forget_oldest(const std::string& newest) const;
    Database connect();
    Opened open_as_it_is(const std::function<void(Database&)>& use);

    std::string directory_;
};

}  // namespace bansuri::store
