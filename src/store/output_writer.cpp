// SPDX-License-Identifier: MIT
#include "store/output_writer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace bansuri::store {

using engine::Stream;

void PendingOutput::push(Stream stream, std::string_view bytes) {
    if (bytes.size() > most_bytes) {
        const std::size_t excess = bytes.size() - most_bytes;
        drop(size_);
        dropped.bytes += excess;
        if (stream == Stream::standard_error) dropped.errors += excess;
        bytes.remove_prefix(excess);
    } else if (size_ + bytes.size() > most_bytes) {
        drop(size_ + bytes.size() - most_bytes);
    }
    if (bytes.empty()) return;
    if (!chunks_.empty() && chunks_.back().stream == stream) {
        chunks_.back().bytes.append(bytes);
    } else {
        if (chunks_.size() == most_chunks) drop(chunks_.front().bytes.size());
        chunks_.push_back({stream, std::string(bytes)});
    }
    size_ += bytes.size();
}

void PendingOutput::pop(std::size_t bytes) {
    Chunk& first = chunks_.front();
    size_ -= bytes;
    if (bytes == first.bytes.size()) {
        chunks_.pop_front();
    } else {
        first.bytes.erase(0, bytes);
    }
}

void PendingOutput::drop(std::size_t bytes) {
    while (bytes > 0) {
        const Chunk& first = chunks_.front();
        const std::size_t of_first = std::min(bytes, first.bytes.size());
        dropped.bytes += of_first;
        if (first.stream == Stream::standard_error) dropped.errors += of_first;
        pop(of_first);
        bytes -= of_first;
    }
}

OutputWriter::OutputWriter(OutputDirectory& directory, engine::AttemptId id, std::uint64_t limit,
                           Callbacks callbacks)
    : id_(id),
      callbacks_(std::move(callbacks)),
      segments_(directory, id, limit, callbacks_.room_for) {
    const std::lock_guard lock(mutex_);
    if (const int error = locate()) fail(error);
}

std::optional<engine::OutputSink::Place> OutputWriter::place(Stream stream) {
    const std::lock_guard lock(mutex_);
    if (failing_ || discarded_ || !can_splice_) return std::nullopt;
    if (const int error = segments_.prepare(stream)) {
        fail(error);
        return std::nullopt;
    }
    return segments_.place();
}

void OutputWriter::placed(Stream stream, std::size_t size) {
    const std::lock_guard lock(mutex_);
    segments_.advance(stream, size);
}

void OutputWriter::place_failed(int error) {
    const std::lock_guard lock(mutex_);
    // There are file systems that know no splice(2); they take the same bytes by write(2).
    if (can_splice_ && (error == EINVAL || error == ENOSYS || error == EOPNOTSUPP)) {
        can_splice_ = false;
        return;
    }
    fail(error);
}

void OutputWriter::append(Stream stream, std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    if (discarded_) return;
    if (!failing_) {
        const int error = write(stream, bytes);
        if (error == 0) return;
        fail(error);
    }
    pending_.push(stream, bytes);
}

bool OutputWriter::retry() {
    const std::lock_guard lock(mutex_);
    if (discarded_ || !failing_) return true;
    if (const int error = write_pending()) {
        fail(error);
        return false;
    }
    failing_ = false;
    return true;
}

OutputWriter::Counts OutputWriter::counts() const {
    const std::lock_guard lock(mutex_);
    Counts counts{segments_.position() + pending_.dropped.bytes + pending_.size(),
                  segments_.errors() + pending_.dropped.errors};
    for (const auto& chunk : pending_.chunks()) {
        if (chunk.stream == Stream::standard_error) counts.errors += chunk.bytes.size();
    }
    return counts;
}

bool OutputWriter::discarded() const {
    const std::lock_guard lock(mutex_);
    return discarded_;
}

void OutputWriter::discard() {
    const std::lock_guard lock(mutex_);
    discarded_ = true;
    // The descriptors stay until the record goes: the loop may be at work with one.
    pending_ = PendingOutput();
}

OutputWriter::Snapshot OutputWriter::snapshot() const {
    const std::lock_guard lock(mutex_);
    const std::uint64_t pending_begin = segments_.position() + pending_.dropped.bytes;
    return {segments_.layout(), segments_.position(), pending_begin,
            pending_begin + pending_.size(), pending_.chunks()};
}

int OutputWriter::locate() {
    if (located_) return 0;
    const auto files = callbacks_.find_earlier();
    if (!files) return errno;
    if (const int error = segments_.resume(*files)) return error;
    located_ = true;
    return 0;
}

int OutputWriter::write_pending() {
    if (const int error = locate()) return error;
    if (PendingOutput::Dropped& dropped = pending_.dropped; dropped.bytes > 0) {
        const std::uint64_t position = segments_.position() + dropped.bytes;
        const std::uint64_t errors = segments_.errors() + dropped.errors;
        const int error = segments_.skip_to(position, errors);
        dropped = {position - segments_.position(), errors - segments_.errors()};
        if (error != 0) return error;
    }
    while (!pending_.empty()) {
        const PendingOutput::Chunk& chunk = pending_.chunks().front();
        std::string_view rest = chunk.bytes;
        const int error = write(chunk.stream, rest);
        pending_.pop(chunk.bytes.size() - rest.size());
        if (error != 0) return error;
    }
    return 0;
}

int OutputWriter::write(Stream stream, std::string_view& bytes) {
    while (!bytes.empty()) {
        if (const int error = segments_.prepare(stream)) return error;
        const auto place = segments_.place();
        const ssize_t written = ::pwrite(place.fd, bytes.data(), std::min(bytes.size(), place.room),
                                         static_cast<off_t>(place.offset));
        if (written <= 0) return written == 0 ? ENOSPC : errno;
        segments_.advance(stream, static_cast<std::uint64_t>(written));
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

void OutputWriter::fail(int error) {
    failing_ = true;
    callbacks_.failed(error);
}

}  // namespace bansuri::store
