// SPDX-License-Identifier: MIT
//
// Where captured output is kept with its run, as it comes in: head and tail up to the task's
// output-limit. Bytes are moved from the pipe to the place by the kernel, so that the death of the
// daemon loses none of them on the way. store::OutputFiles fulfils it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/notifier.hpp"
#include "engine/process_launcher.hpp"

namespace bansuri::engine {

/// The kept output of one attempt. Lives on the loop; never throws, never blocks on anything but
/// a local file. What cannot be kept (the disk is full) is counted.
class OutputRecord {
  public:
    virtual ~OutputRecord() = default;
    /// Where the next bytes of `stream` are to be put; nothing: hand them to append().
    virtual std::optional<OutputSink::Place> place(Stream stream) = 0;
    /// `size` bytes were put at the place.
    virtual void placed(Stream stream, std::size_t size) = 0;
    /// The place could not take any (an errno).
    virtual void place_failed(int error) = 0;
    /// Bytes that could not be put at a place.
    virtual void append(Stream stream, std::string_view bytes) = 0;
    /// Bytes in all, of both streams.
    virtual std::uint64_t total() const = 0;
    /// What was kept of a stream's end, at most `limit` bytes: for an attempt that was taken over.
    virtual OutputExcerpt excerpt(Stream stream, std::size_t limit) const = 0;
};

class OutputStore {
  public:
    virtual ~OutputStore() = default;
    /// Goes on after what an earlier daemon kept of the attempt, if it did. `limit` in bytes.
    virtual std::unique_ptr<OutputRecord> open(AttemptId attempt, std::uint64_t limit) = 0;
};

}  // namespace bansuri::engine
