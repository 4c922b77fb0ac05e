// SPDX-License-Identifier: MIT
//
// The files of one attempt's output while it is being written: the segment at whose end the next
// byte belongs, its index, and the removal of what no longer fits the limit.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "engine/output_store.hpp"
#include "store/output_directory.hpp"
#include "store/output_index.hpp"

namespace bansuri::store {

/// For one thread at a time. Calls that may fail return an errno, or 0, and may be tried again.
class OutputSegments {
  public:
    /// `room_for` is told, before a segment is begun, how many bytes the attempt may then have on
    /// the disk; nullptr: nobody needs to know.
    OutputSegments(OutputDirectory& directory, engine::AttemptId id, std::uint64_t limit,
                   std::function<void(std::uint64_t)> room_for);

    /// Goes on after what is there; these are the attempt's files, sorted.
    int resume(const std::vector<OutputFileName>& files);
    /// Makes sure that the next bytes can be put at place() and will count as of this stream.
    int prepare(engine::Stream stream);
    /// After prepare().
    engine::OutputSink::Place place() const;
    /// So many bytes lie at the place.
    void advance(engine::Stream stream, std::uint64_t size);
    /// Nobody could keep what lies between: goes on at `position`, before which there were
    /// `errors` bytes of stderr.
    int skip_to(std::uint64_t position, std::uint64_t errors);

    const OutputLayout& layout() const { return layout_; }
    std::uint64_t position() const { return position_; }
    /// How many of the bytes before position() are of stderr.
    std::uint64_t errors() const { return errors_; }

  private:
    OutputFileName name(std::uint64_t segment, bool is_index) const {
        return {id_, layout_.limit(), segment, is_index};
    }
    int begin_segment();
    /// Says in the index what comes from position() on.
    int note(OutputIndexEntry::Kind kind);
    std::uint64_t offset() const { return position_ - layout_.begin_of(segment_); }

    OutputDirectory& directory_;
    engine::AttemptId id_;
    OutputLayout layout_;
    std::function<void(std::uint64_t)> room_for_;

    std::uint64_t position_ = 0;
    std::uint64_t errors_ = 0;
    std::uint64_t segment_ = 0;      // of `fd_`
    std::uint64_t oldest_tail_ = 0;  // no segment of the tail before this one is left
    std::uint64_t room_made_ = 0;    // bytes
    UniqueFd fd_;
    UniqueFd index_;
    std::uint64_t entries_ = 0;
    OutputIndexEntry::Kind kind_ = OutputIndexEntry::Kind::standard_output;  // of what comes
};

}  // namespace bansuri::store
