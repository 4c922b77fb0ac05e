// SPDX-License-Identifier: MIT
#include "store/output_index.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <limits>

namespace bansuri::store {

OutputIndex::OutputIndex(keeper::UniqueFd fd) : fd_(std::move(fd)) {
    struct stat status {};
    if (fd_ && ::fstat(fd_.get(), &status) == 0)
        count_ = static_cast<std::uint64_t>(status.st_size) / sizeof(OutputIndexEntry);
}

OutputIndex::Span OutputIndex::at(std::uint64_t offset) const {
    // The last entry that begins at or before the offset: of several at one place the last counts,
    // because the bytes that the others announced never came.
    std::uint64_t low = 0;
    std::uint64_t high = count_;
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        const auto found = entry(middle);
        if (found && found->offset <= offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Span span{OutputIndexEntry::Kind::standard_output, std::numeric_limits<std::uint64_t>::max()};
    if (low > 0) {
        if (const auto found = entry(low - 1)) span.kind = found->kind;
    }
    if (low < count_) {
        if (const auto next = entry(low); next && next->offset > offset) span.end = next->offset;
    }
    return span;
}

std::optional<OutputIndexEntry> OutputIndex::last() const {
    if (count_ == 0) return std::nullopt;
    return entry(count_ - 1);
}

std::optional<OutputIndexEntry> OutputIndex::entry(std::uint64_t number) const {
    OutputIndexEntry read;
    const auto place = static_cast<off_t>(number * sizeof read);
    if (::pread(fd_.get(), &read, sizeof read, place) != static_cast<ssize_t>(sizeof read))
        return std::nullopt;
    return read;
}

}  // namespace bansuri::store
