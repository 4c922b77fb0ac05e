// SPDX-License-Identifier: MIT
//
// The output of one attempt as it comes in: to its files, and for as long as these cannot take it
// to memory, of which there is little.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "store/output_segments.hpp"

namespace bansuri::store {

/// What came last and is in no file yet, in bounded memory: the oldest of it is dropped.
class PendingOutput {
  public:
    static constexpr std::size_t most_bytes = 64 * 1024;
    static constexpr std::size_t most_chunks = 1024;

    struct Chunk {
        engine::Stream stream;
        std::string bytes;
    };
    void push(engine::Stream stream, std::string_view bytes);
    void pop(std::size_t bytes);  ///< of the first chunk
    bool empty() const { return chunks_.empty(); }
    const std::deque<Chunk>& chunks() const { return chunks_; }
    std::size_t size() const { return size_; }
    /// What lies between the end of the files and the first chunk.
    struct Dropped {
        std::uint64_t bytes = 0;
        std::uint64_t errors = 0;  ///< how many of them are of stderr
    };
    Dropped dropped;

  private:
    void drop(std::size_t bytes);

    std::deque<Chunk> chunks_;
    std::size_t size_ = 0;
};

/// Written to by the loop; everybody may look at it.
class OutputWriter {
  public:
    /// Called on the thread that writes.
    struct Callbacks {
        /// The files that an earlier daemon left of the attempt, sorted; nothing: see errno.
        std::function<std::optional<std::vector<OutputFileName>>()> find_earlier;
        /// A file could not take something (an errno).
        std::function<void(int)> failed;
        std::function<void(std::uint64_t)> room_for;  ///< see OutputSegments
    };
    OutputWriter(OutputDirectory& directory, engine::AttemptId id, std::uint64_t limit,
                 Callbacks callbacks);

    engine::AttemptId id() const { return id_; }

    // The loop's: see engine::OutputRecord.
    std::optional<engine::OutputSink::Place> place(engine::Stream stream);
    void placed(engine::Stream stream, std::size_t size);
    void place_failed(int error);
    void append(engine::Stream stream, std::string_view bytes);
    /// Tries to bring to the files what is in memory. True: nothing is left there.
    bool retry();

    /// How many bytes there were in all, and how many of them are of stderr.
    struct Counts {
        std::uint64_t total = 0;
        std::uint64_t errors = 0;
    };
    Counts counts() const;
    /// True: the files are gone for good and nothing is written any more.
    bool discarded() const;
    /// From then on there is nothing: the files are the caller's to remove.
    void discard();

    /// All that a reader has to know, at one moment.
    struct Snapshot {
        OutputLayout layout;
        std::uint64_t in_files = 0;       ///< position up to which the files have it
        std::uint64_t pending_begin = 0;  ///< position of the first byte that is in memory
        std::uint64_t total = 0;
        std::deque<PendingOutput::Chunk> pending;
    };
    Snapshot snapshot() const;

  private:
    // All below with the mutex held; an errno, or 0.
    int locate();
    int write_pending();
    int write(engine::Stream stream, std::string_view& bytes);
    void fail(int error);

    const engine::AttemptId id_;
    const Callbacks callbacks_;
    mutable std::mutex mutex_;
    OutputSegments segments_;
    PendingOutput pending_;  // follows segments_.position()
    bool located_ = false;   // what an earlier daemon left has been looked for
    bool failing_ = false;   // everything goes to memory until retry()
    bool can_splice_ = true;
    bool discarded_ = false;
};

}  // namespace bansuri::store
