// SPDX-License-Identifier: MIT
//
// Which bytes of an attempt's output are kept, and in which file each of them lies. A value: the
// file and the offset of a byte follow from its position and the output-limit alone, so that
// nothing has to be written down, and no counter can be wrong after a crash.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/process_launcher.hpp"

namespace bansuri::store {

/// Output is cut into segments, in order of arrival. Of these the first half of the limit (head)
/// is kept for ever and of the others only the latest (tail), in whole segments. All segments but
/// the first are equally long; the first one takes what the division leaves over.
///
/// Below smallest_on_disk a limit is met by what is shown, not by what lies on the disk: segments
/// of a few bytes would make a file for each of them.
class OutputLayout {
  public:
    static constexpr std::uint64_t smallest_on_disk = 16 * 1024;

    /// `limit` in bytes, more than 0.
    explicit OutputLayout(std::uint64_t limit);

    std::uint64_t limit() const { return limit_; }
    std::uint64_t segment_of(std::uint64_t position) const {
        return position < first_ ? 0 : 1 + (position - first_) / segment_;
    }
    std::uint64_t begin_of(std::uint64_t segment) const {
        return segment == 0 ? 0 : first_ + (segment - 1) * segment_;
    }
    std::uint64_t size_of(std::uint64_t segment) const { return segment == 0 ? first_ : segment_; }
    bool is_head(std::uint64_t segment) const { return segment < head_segments_; }
    /// The latest segment that has to go before this one may be begun; nothing if none has to.
    std::optional<std::uint64_t> displaced_by(std::uint64_t segment) const;
    /// What may lie on the disk once this segment is full.
    std::uint64_t bytes_with(std::uint64_t segment) const;

    /// A stretch of bytes that are shown: of `total` bytes the first one that ends after
    /// `position`. Begins at `total` if there is none.
    struct Stretch {
        std::uint64_t begin = 0;
        std::uint64_t end = 0;
    };
    Stretch shown(std::uint64_t position, std::uint64_t total) const;

    bool operator==(const OutputLayout&) const = default;

  private:
    std::uint64_t limit_;
    std::uint64_t segment_;        // bytes of each but the first
    std::uint64_t first_;          // bytes of the first
    std::uint64_t head_segments_;  // at least 2
    std::uint64_t tail_segments_;  // at least 2
    std::uint64_t head_shown_;     // bytes, once there are more than the limit
};

/// The name of a file: integers only, so that no name of anybody's choosing becomes a path.
struct OutputFileName {
    engine::AttemptId id;
    std::uint64_t limit = 0;
    std::uint64_t segment = 0;
    bool is_index = false;

    /// A directory holds this many runs.
    static constexpr std::uint64_t runs_a_directory = 1000;
    static std::uint64_t directory_of(std::uint64_t run) { return run / runs_a_directory; }

    /// Below the directory of all output: "17/17042.1.10000000.0", with ".index" for an index.
    std::string path() const;
    /// Of the last part of the path; nothing if it is no such name.
    static std::optional<OutputFileName> parse(std::string_view name);
    auto operator<=>(const OutputFileName&) const = default;
};

}  // namespace bansuri::store
