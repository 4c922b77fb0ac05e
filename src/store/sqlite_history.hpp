// SPDX-License-Identifier: MIT
//
// Reading what SqliteRunStore wrote, by a connection of its own: readers never make it wait.
#pragma once

#include <memory>
#include <string>

#include "engine/run_history.hpp"
#include "store/database.hpp"
#include "store/output_keeper.hpp"

namespace bansuri::store {

/// For one thread. Throws std::runtime_error when the file cannot be read; the next call opens it
/// anew. The reader of output outlives it; nothing: there is only what the database holds.
class SqliteHistory final : public engine::RunHistory {
  public:
    /// `file` as SqliteRunStore::file() names it. Opened by the first call.
    explicit SqliteHistory(std::string file, OutputReader* output = nullptr);
    ~SqliteHistory() override;
    SqliteHistory(const SqliteHistory&) = delete;
    SqliteHistory& operator=(const SqliteHistory&) = delete;

    /// At most most_records.
    std::vector<engine::RunRecord> runs(const engine::HistoryQuery& query) override;
    std::optional<engine::RunRecord> run(engine::RunId id) override;
    std::vector<engine::AttemptRecord> attempts(engine::RunId id) override;
    std::optional<engine::OutputPiece> output(engine::RunId id, std::uint32_t attempt,
                                              engine::OutputChoice choice, std::uint64_t position,
                                              std::size_t limit) override;
    /// Newest first.
    std::vector<engine::EventRecord> events(std::size_t limit) override;

    static constexpr std::size_t most_records = 100'000;

  private:
    struct Connection;
    /// When the file was replaced.
    void renew();
    template <class Read>
    auto reading(Read read);

    std::string file_;
    OutputReader* output_;
    std::unique_ptr<Connection> connection_;
};

}  // namespace bansuri::store
