// SPDX-License-Identifier: MIT
//
// Captured output on the disk: engine::OutputStore for those who write it, OutputKeeper for the
// database that takes the small ones, OutputReader for those who look. docs/processes.md says what
// is kept; OutputLayout where.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "engine/clock.hpp"
#include "engine/health.hpp"
#include "engine/output_store.hpp"
#include "store/output_directory.hpp"
#include "store/output_keeper.hpp"
#include "store/output_writer.hpp"

namespace bansuri::store {

/// Made, destroyed and written through on the engine's loop; OutputKeeper, OutputReader and
/// sweep() are safe on any thread. Outlives its records. Nothing here fails for a full disk: what
/// cannot be kept is counted, `output` is degraded, and all is as before once there is room.
class OutputFiles final : public engine::OutputStore, public OutputKeeper, public OutputReader {
  public:
    /// An output that keeps no more than this goes into the database.
    static constexpr std::uint64_t small_output = 16 * 1024;
    /// After a failure, output is kept in memory for so long before the files are tried again.
    static constexpr Duration retry_after = std::chrono::seconds(5);
    /// Attempts that have ended and whose last bytes still wait in memory; beyond that, these bytes
    /// are dropped.
    static constexpr std::size_t most_leftovers = 64;

    /// `directory` is made when it is needed; its parent must be there.
    OutputFiles(std::string directory, engine::Clock& clock, engine::Health& health);
    ~OutputFiles() override;
    OutputFiles(const OutputFiles&) = delete;
    OutputFiles& operator=(const OutputFiles&) = delete;

    std::unique_ptr<engine::OutputRecord> open(engine::AttemptId attempt,
                                               std::uint64_t limit) override;

    /// Also sees to it that all attempts of a run together keep no more in files than the limit:
    /// the oldest ones go.
    std::optional<SmallOutput> small(engine::AttemptId attempt) override;
    void taken(engine::AttemptId attempt) override;
    void pruned(const std::vector<engine::RunId>& runs) override;

    engine::OutputPiece read(const SmallOutput& output, std::uint64_t position,
                             std::size_t limit) override;
    /// Nothing may also mean that it has just moved into the database: look there again.
    std::optional<engine::OutputPiece> read(engine::AttemptId attempt, std::uint64_t position,
                                            std::size_t limit) override;

    /// Removes the files of attempts that nobody will ask for, which a crash between a commit and
    /// the removal leaves behind: `wanted` says no for those whose run is not in the database, or
    /// whose output is in it. Attempts that are being written are left alone. Returns how many
    /// files went. May take long.
    std::size_t sweep(const std::function<bool(engine::AttemptId)>& wanted);

  private:
    class Record;
    using Names = std::vector<OutputFileName>;

    // The loop's.
    std::optional<Names> find_earlier(engine::AttemptId id);
    void failed(engine::AttemptId attempt, int error);
    void closed(OutputWriter& writer);
    void retry();

    // Any thread's.
    std::shared_ptr<OutputWriter> writer_of(engine::AttemptId id) const;
    std::optional<Names> names_of(engine::AttemptId id);
    /// Nobody asks the writer any more; one that was opened for the same attempt since stays.
    void forget_writer(const OutputWriter& writer);
    void remove_attempt(engine::AttemptId id, const Names& names);
    /// Removes what the run's attempts before this one keep, oldest first, until `bytes` more fit.
    void make_room(engine::AttemptId id, std::uint64_t bytes, std::uint64_t limit);

    OutputDirectory directory_;
    engine::Clock& clock_;
    engine::Health& health_;

    // The loop's.
    std::set<std::uint64_t> looked_into_;    // sub-directories
    std::set<engine::AttemptId> earlier_;    // attempts with files found there
    std::set<engine::AttemptId> failing_;    // to be tried again
    std::set<engine::AttemptId> leftovers_;  // those of them whose record is gone
    std::unique_ptr<engine::Alarm> retry_alarm_;

    mutable std::mutex mutex_;  // of what is below; no writer is asked anything under it
    std::map<engine::AttemptId, std::shared_ptr<OutputWriter>> writers_;
    Names last_names_;  // of the attempt that was read last: reading goes on piece by piece
};

}  // namespace bansuri::store
