// SPDX-License-Identifier: MIT
#include "store/output_segments.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bansuri::store {

using Kind = OutputIndexEntry::Kind;

OutputSegments::OutputSegments(OutputDirectory& directory, engine::AttemptId id,
                               std::uint64_t limit, std::function<void(std::uint64_t)> room_for)
    : directory_(directory), id_(id), layout_(limit), room_for_(std::move(room_for)) {}

int OutputSegments::resume(const std::vector<OutputFileName>& files) {
    if (files.empty()) return 0;
    // The limit that the attempt began with: the task's may have been changed since.
    const OutputLayout layout(files.back().limit);
    const OutputFileName latest{id_, layout.limit(), files.back().segment, false};
    OutputFileName index_name = latest;
    index_name.is_index = true;
    UniqueFd fd = directory_.open_for_writing(latest);
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return errno;
    UniqueFd index_fd = directory_.open_for_reading(index_name);
    if (!index_fd && errno != ENOENT) return errno;
    const OutputIndex index(std::move(index_fd));

    // An entry is written before the bytes that it is about, so it may be ahead of them, but only
    // by bytes that were not kept.
    const std::uint64_t size =
        std::min(static_cast<std::uint64_t>(status.st_size), layout.size_of(latest.segment));
    std::uint64_t position = size;
    std::uint64_t errors = 0;
    Kind kind = Kind::standard_output;
    if (const auto last = index.last()) {
        position = std::max<std::uint64_t>(size, last->offset);
        kind = last->kind;
        errors = last->errors;
        if (kind == Kind::standard_error && size > last->offset) errors += size - last->offset;
    }
    // What had to go before the latest segment was begun may have been left by a crash.
    if (const auto displaced = layout.displaced_by(latest.segment)) {
        for (const OutputFileName& file : files) {
            if (!layout.is_head(file.segment) && file.segment <= *displaced)
                directory_.remove(file);
        }
        oldest_tail_ = *displaced + 1;
    }
    layout_ = layout;
    segment_ = latest.segment;
    position_ = layout.begin_of(segment_) + position;
    errors_ = errors;
    kind_ = kind;
    entries_ = index.count();
    fd_ = std::move(fd);
    return 0;
}

int OutputSegments::prepare(engine::Stream stream) {
    if (!fd_ || layout_.segment_of(position_) != segment_) {
        if (const int error = begin_segment()) return error;
    }
    const Kind kind = kind_of(stream);
    const bool count_unknown = entries_ == 0 && errors_ > 0;
    return kind == kind_ && !count_unknown ? 0 : note(kind);
}

engine::OutputSink::Place OutputSegments::place() const {
    return {fd_.get(), offset(), static_cast<std::size_t>(layout_.size_of(segment_) - offset())};
}

void OutputSegments::advance(engine::Stream stream, std::uint64_t size) {
    position_ += size;
    if (stream == engine::Stream::standard_error) errors_ += size;
}

int OutputSegments::skip_to(std::uint64_t position, std::uint64_t errors) {
    const std::uint64_t segment = layout_.segment_of(position);
    // A segment that ends early says by that alone that the rest of it was not kept.
    if (segment != layout_.segment_of(position_)) position_ = layout_.begin_of(segment);
    if (position > position_) {
        if (!fd_ || segment != segment_) {
            if (const int error = begin_segment()) return error;
        }
        if (const int error = note(Kind::not_kept)) return error;
    }
    position_ = position;
    errors_ = errors;
    return 0;
}

int OutputSegments::begin_segment() {
    const std::uint64_t segment = layout_.segment_of(position_);
    if (const auto displaced = layout_.displaced_by(segment)) {
        // Before the new one, so that never more than the limit lies there. After a gap the
        // segments in it were never begun.
        const std::uint64_t last = std::min(*displaced, segment_);
        for (std::uint64_t old = oldest_tail_; old <= last; ++old) {
            if (layout_.is_head(old)) continue;
            directory_.remove(name(old, false));
            directory_.remove(name(old, true));  // last: see OutputView on readers
        }
        oldest_tail_ = *displaced + 1;
    }
    // Once all of the limit is in use, the next segment needs no more.
    const std::uint64_t bytes = layout_.bytes_with(segment);
    if (room_for_ && bytes > room_made_) {
        room_for_(bytes);
        room_made_ = bytes;
    }
    UniqueFd fd = directory_.open_for_writing(name(segment, false));
    if (!fd) return errno;
    fd_ = std::move(fd);
    index_.reset();
    segment_ = segment;
    entries_ = 0;
    kind_ = Kind::standard_output;
    return 0;
}

int OutputSegments::note(Kind kind) {
    const bool full = entries_ >= most_index_entries(layout_.size_of(segment_));
    if (full && kind != Kind::not_kept && kind_ != Kind::not_kept) return 0;
    if (!index_) {
        index_ = directory_.open_for_writing(name(segment_, true));
        if (!index_) return errno;
    }
    const OutputIndexEntry entry{static_cast<std::uint32_t>(offset()), kind, errors_};
    const auto place = static_cast<off_t>(entries_ * sizeof entry);
    const ssize_t written = ::pwrite(index_.get(), &entry, sizeof entry, place);
    if (written < 0) return errno;
    if (written != static_cast<ssize_t>(sizeof entry)) return ENOSPC;
    ++entries_;
    kind_ = kind;
    return 0;
}

}  // namespace bansuri::store
