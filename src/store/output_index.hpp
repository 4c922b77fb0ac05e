// SPDX-License-Identifier: MIT
//
// Which bytes of a segment are of which stream: a file of fixed entries beside the segment. A
// segment without one holds stdout only, and stderr has said nothing before it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "keeper/unique_fd.hpp"
#include "store/output_layout.hpp"

namespace bansuri::store {

/// What follows from `offset` on, up to the next entry. As it lies in the file, in the machine's
/// own byte order.
struct OutputIndexEntry {
    enum class Kind : std::uint32_t { standard_output = 0, standard_error = 1, not_kept = 2 };
    std::uint32_t offset = 0;  ///< in the segment
    Kind kind = Kind::standard_output;
    std::uint64_t errors = 0;  ///< bytes of stderr before this, in the whole attempt
    bool operator==(const OutputIndexEntry&) const = default;
};
static_assert(sizeof(OutputIndexEntry) == 16);

inline OutputIndexEntry::Kind kind_of(engine::Stream stream) {
    return stream == engine::Stream::standard_error ? OutputIndexEntry::Kind::standard_error
                                                    : OutputIndexEntry::Kind::standard_output;
}

/// How many entries the index of a segment may have: beyond that what comes counts as of the stream
/// that wrote last, so that a task that goes on changing between them cannot make the index larger
/// than a quarter of what it writes.
inline std::uint64_t most_index_entries(std::uint64_t segment_size) { return segment_size / 64; }

/// Reads an index that may grow meanwhile. Entries that can be of no use (a torn or damaged file)
/// are read as what they say: offsets are only ever compared.
class OutputIndex {
  public:
    /// `fd` may be empty: then all is of stdout.
    explicit OutputIndex(keeper::UniqueFd fd);

    struct Span {
        OutputIndexEntry::Kind kind = OutputIndexEntry::Kind::standard_output;
        std::uint64_t end = 0;  ///< offset where it ends; UINT64_MAX: not in this index
    };
    /// What the byte at this offset is, and those after it.
    Span at(std::uint64_t offset) const;
    std::optional<OutputIndexEntry> last() const;
    std::uint64_t count() const { return count_; }

  private:
    /// Nothing if it cannot be read.
    std::optional<OutputIndexEntry> entry(std::uint64_t number) const;

    keeper::UniqueFd fd_;
    std::uint64_t count_ = 0;
};

}  // namespace bansuri::store
