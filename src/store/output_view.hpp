// SPDX-License-Identifier: MIT
//
// Reading kept output back, while it is written and afterwards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/run_history.hpp"
#include "store/output_keeper.hpp"
#include "store/output_writer.hpp"

namespace bansuri::store {

/// What is kept of one attempt, at one moment: by what its writer says, or what its files say. A
/// segment that goes meanwhile, because later ones need its room, reads as not kept. It goes
/// before its index does, and the index is opened before the segment: so nobody sees a segment
/// without the index that it has.
class OutputView {
  public:
    /// No piece is longer than this, whatever is asked for.
    static constexpr std::size_t longest_piece = 256 * 1024;

    OutputView(OutputDirectory& directory, engine::AttemptId id, OutputWriter::Snapshot snapshot)
        : directory_(&directory), id_(id), snapshot_(std::move(snapshot)) {}
    /// Of an attempt that nobody writes: `files` are all that it has, sorted, at least one.
    static OutputView of_files(OutputDirectory& directory,
                               const std::vector<OutputFileName>& files);

    std::uint64_t total() const { return snapshot_.total; }
    /// Bytes that read() would give in all, if none was lost to a full disk.
    std::uint64_t shown() const;
    engine::OutputPiece read(std::uint64_t position, std::size_t limit);
    /// read() has missed a segment since the view was made.
    bool missed() const { return missed_; }

  private:
    /// The bytes at a position, all of one stream; none: what is there, up to `end`, is not kept.
    struct Chunk {
        bool is_error = false;
        std::string bytes;
        std::uint64_t end = 0;
    };
    Chunk read_file(std::uint64_t position, std::size_t limit);
    Chunk read_pending(std::uint64_t position, std::size_t limit) const;
    void open_segment(std::uint64_t segment);

    OutputDirectory* directory_;
    engine::AttemptId id_;
    OutputWriter::Snapshot snapshot_;
    std::optional<std::uint64_t> opened_;  // segment
    UniqueFd segment_;
    OutputIndex index_{UniqueFd()};
    bool missed_ = false;
};

/// As two blobs, all that the view shows, if that is not more than `most` bytes.
std::optional<SmallOutput> pack(OutputView& view, std::uint64_t most);
/// What pack() has made, or what a damaged database made of it.
engine::OutputPiece read_packed(const SmallOutput& output, std::uint64_t position,
                                std::size_t limit);

}  // namespace bansuri::store
