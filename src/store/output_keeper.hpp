// SPDX-License-Identifier: MIT
//
// Between the database and the files of captured output: small outputs move from files into the
// database once their attempt has ended, and the files of runs that are pruned go. OutputFiles
// fulfils both interfaces; SqliteRunStore and SqliteHistory ask.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/process_launcher.hpp"
#include "engine/run_history.hpp"

namespace bansuri::store {

/// The kept output of one attempt as two blobs. Only OutputFiles knows what is in them.
struct SmallOutput {
    std::string index;  ///< which bytes are of which stream, and what was not kept
    std::string bytes;
    bool operator==(const SmallOutput&) const = default;
};

/// All calls on the store's thread, for attempts that have ended. May block on the disk; must not
/// throw: what goes wrong stays in files, or there.
class OutputKeeper {
  public:
    virtual ~OutputKeeper() = default;
    /// What the attempt has kept, if it is small enough for the database; nothing: it stays where
    /// it is. May be asked again for the same attempt: a commit failed, or a daemon died.
    virtual std::optional<SmallOutput> small(engine::AttemptId attempt) = 0;
    /// The database has it for good, so the files may go. After a crash this may be missing: files
    /// whose attempt is in the database as well are a copy.
    virtual void taken(engine::AttemptId attempt) = 0;
    /// These runs are about to go from the database, and all of their files with them. Comes before
    /// the commit, so that a crash leaves a record without output and never output without one.
    virtual void pruned(const std::vector<engine::RunId>& runs) = 0;
};

/// Reading output back, for SqliteHistory on its thread. Positions as engine::OutputPiece has them.
/// Here `complete` says that `end` is the end of what is known now; whether more can come is the
/// history's to judge. May throw std::runtime_error when a file cannot be read.
class OutputReader {
  public:
    virtual ~OutputReader() = default;
    /// From the blobs, which may be damaged: never trusted.
    virtual engine::OutputPiece read(const SmallOutput& output, std::uint64_t position,
                                     std::size_t limit) = 0;
    /// From the files; nothing if there are none of this attempt.
    virtual std::optional<engine::OutputPiece> read(engine::AttemptId attempt,
                                                    std::uint64_t position, std::size_t limit) = 0;
};

}  // namespace bansuri::store
