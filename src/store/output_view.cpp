// SPDX-License-Identifier: MIT
#include "store/output_view.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <system_error>

namespace bansuri::store {

using Kind = OutputIndexEntry::Kind;

namespace {

[[noreturn]] void throw_read_error(const std::string& path, int error) {
    throw std::runtime_error(
        fmt::format("read \"{}\": {}", path, std::generic_category().message(error)));
}

void add(engine::OutputPiece& piece, bool is_error, std::string bytes) {
    piece.end += bytes.size();
    if (!piece.spans.empty() && piece.spans.back().is_error == is_error) {
        piece.spans.back().bytes += bytes;
    } else {
        piece.spans.push_back({is_error, std::move(bytes)});
    }
}

/// An entry of SmallOutput::index: bytes of one stream without a gap. The last one has no bytes and
/// says how many there were in all. Without any entry all is of stdout, and all was kept.
struct PackedSpan {
    std::uint64_t position = 0;
    Kind kind = Kind::standard_output;
    std::uint32_t size = 0;
};
static_assert(sizeof(PackedSpan) == 16);

void put(std::string& index, const PackedSpan& span) {
    index.append(reinterpret_cast<const char*>(&span), sizeof span);
}

}  // namespace

OutputView OutputView::of_files(OutputDirectory& directory,
                                const std::vector<OutputFileName>& files) {
    const OutputFileName& latest = files.back();
    OutputLayout layout(latest.limit);
    OutputFileName name = latest;
    name.is_index = true;
    const OutputIndex index(directory.open_for_reading(name));
    name.is_index = false;
    std::uint64_t end = std::min(directory.size_of(name), layout.size_of(latest.segment));
    if (const auto last = index.last()) end = std::max<std::uint64_t>(end, last->offset);
    const std::uint64_t total = layout.begin_of(latest.segment) + end;
    return OutputView(directory, latest.id, {layout, total, total, total, {}});
}

std::uint64_t OutputView::shown() const {
    const auto head = snapshot_.layout.shown(0, snapshot_.total);
    const auto tail = snapshot_.layout.shown(head.end, snapshot_.total);
    const std::uint64_t more = tail.begin >= head.end ? tail.end - tail.begin : 0;
    return head.end - head.begin + more;
}

engine::OutputPiece OutputView::read(std::uint64_t position, std::size_t limit) {
    limit = std::min(limit, longest_piece);
    engine::OutputPiece piece;
    const std::uint64_t total = snapshot_.total;
    position = std::min(position, total);
    piece.begin = piece.end = position;
    std::size_t size = 0;
    while (piece.end < total && size < limit) {
        const auto stretch = snapshot_.layout.shown(piece.end, total);
        Chunk chunk;
        if (piece.end < stretch.begin) {
            chunk.end = stretch.begin;
        } else if (piece.end < snapshot_.in_files) {
            chunk = read_file(piece.end,
                              std::min<std::uint64_t>(limit - size, stretch.end - piece.end));
        } else if (piece.end < snapshot_.pending_begin) {
            chunk.end = snapshot_.pending_begin;
        } else {
            chunk = read_pending(piece.end,
                                 std::min<std::uint64_t>(limit - size, stretch.end - piece.end));
        }
        if (chunk.bytes.empty()) {
            if (size > 0) break;  // what is missing is said at the beginning of a piece
            piece.begin = piece.end = std::min(chunk.end, total);
            continue;
        }
        size += chunk.bytes.size();
        add(piece, chunk.is_error, std::move(chunk.bytes));
    }
    piece.missing = piece.begin - position;
    piece.complete = piece.end == total;
    return piece;
}

OutputView::Chunk OutputView::read_file(std::uint64_t position, std::size_t limit) {
    const std::uint64_t segment = snapshot_.layout.segment_of(position);
    const std::uint64_t begin = snapshot_.layout.begin_of(segment);
    const std::uint64_t segment_end =
        std::min(begin + snapshot_.layout.size_of(segment), snapshot_.in_files);
    if (opened_ != segment) open_segment(segment);
    Chunk chunk;
    chunk.end = segment_end;
    if (!segment_) return chunk;
    const OutputIndex::Span span = index_.at(position - begin);
    const std::uint64_t span_end = span.end < segment_end - begin ? begin + span.end : segment_end;
    if (span.kind == Kind::not_kept) {
        chunk.end = span_end;
        return chunk;
    }
    chunk.is_error = span.kind == Kind::standard_error;
    chunk.bytes.resize(std::min<std::uint64_t>(limit, span_end - position));
    const ssize_t size = ::pread(segment_.get(), chunk.bytes.data(), chunk.bytes.size(),
                                 static_cast<off_t>(position - begin));
    if (size < 0) {
        throw_read_error(directory_->path() + "/" +
                             OutputFileName{id_, snapshot_.layout.limit(), segment}.path(),
                         errno);
    }
    // None: it ends early, because what followed was not kept.
    chunk.bytes.resize(static_cast<std::size_t>(size));
    return chunk;
}

OutputView::Chunk OutputView::read_pending(std::uint64_t position, std::size_t limit) const {
    std::uint64_t begin = snapshot_.pending_begin;
    Chunk read;
    for (const PendingOutput::Chunk& chunk : snapshot_.pending) {
        const std::uint64_t end = begin + chunk.bytes.size();
        if (position < end) {
            read.is_error = chunk.stream == engine::Stream::standard_error;
            read.bytes = chunk.bytes.substr(static_cast<std::size_t>(position - begin), limit);
            break;
        }
        begin = end;
    }
    read.end = snapshot_.total;
    return read;
}

void OutputView::open_segment(std::uint64_t segment) {
    OutputFileName name{id_, snapshot_.layout.limit(), segment, true};
    UniqueFd index = directory_->open_for_reading(name);
    if (!index && errno != ENOENT) throw_read_error(directory_->path() + "/" + name.path(), errno);
    name.is_index = false;
    segment_ = directory_->open_for_reading(name);
    if (!segment_ && errno != ENOENT)
        throw_read_error(directory_->path() + "/" + name.path(), errno);
    if (!segment_) missed_ = true;
    index_ = OutputIndex(std::move(index));
    opened_ = segment;
}

std::optional<SmallOutput> pack(OutputView& view, std::uint64_t most) {
    if (view.shown() > most) return std::nullopt;
    SmallOutput small;
    std::uint64_t position = 0;
    bool plain = true;
    for (bool complete = false; !complete;) {
        const engine::OutputPiece piece = view.read(position, OutputView::longest_piece);
        std::uint64_t at = piece.begin;
        for (const auto& span : piece.spans) {
            const auto size = static_cast<std::uint32_t>(span.bytes.size());
            const Kind kind = span.is_error ? Kind::standard_error : Kind::standard_output;
            put(small.index, {at, kind, size});
            small.bytes += span.bytes;
            at += size;
            plain = plain && !span.is_error;
        }
        plain = plain && piece.missing == 0;
        position = piece.end;
        complete = piece.complete;
    }
    if (view.missed()) return std::nullopt;
    if (plain) {
        small.index.clear();
    } else {
        put(small.index, {view.total(), Kind::not_kept, 0});
    }
    return small;
}

engine::OutputPiece read_packed(const SmallOutput& output, std::uint64_t position,
                                std::size_t limit) {
    std::vector<PackedSpan> spans(output.index.size() / sizeof(PackedSpan));
    if (!spans.empty())
        std::memcpy(spans.data(), output.index.data(), spans.size() * sizeof(PackedSpan));
    std::uint64_t total = output.bytes.size();
    if (!spans.empty() && spans.back().kind == Kind::not_kept) {
        total = spans.back().position;
        spans.pop_back();
    } else {
        spans = {{0, Kind::standard_output, static_cast<std::uint32_t>(output.bytes.size())}};
    }
    engine::OutputPiece piece;
    const std::uint64_t asked = std::min(position, total);
    piece.begin = piece.end = asked;
    std::size_t size = 0;
    std::size_t offset = 0;  // in output.bytes
    for (const PackedSpan& span : spans) {
        const std::size_t here = offset;
        // Whatever the index says, nothing is read beyond the bytes, nor twice.
        const std::size_t length = std::min<std::size_t>(span.size, output.bytes.size() - here);
        offset += length;
        if (span.position > total || length > total - span.position) break;
        if (span.position + length <= piece.end) continue;
        if (span.position > piece.end) {
            if (size > 0) break;
            piece.begin = piece.end = span.position;
        }
        if (size == limit) break;
        const auto skipped = static_cast<std::size_t>(piece.end - span.position);
        const std::size_t taken = std::min(length - skipped, limit - size);
        add(piece, span.kind == Kind::standard_error, output.bytes.substr(here + skipped, taken));
        size += taken;
        if (taken < length - skipped) break;
    }
    // Nothing is kept of what follows.
    if (size == 0 && limit > 0) piece.begin = piece.end = total;
    piece.missing = piece.begin - asked;
    piece.complete = piece.end == total;
    return piece;
}

}  // namespace bansuri::store
