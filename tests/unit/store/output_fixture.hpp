// SPDX-License-Identifier: MIT
//
// What the tests of kept output share: output whose every byte follows from its place, ways to
// write it, and a way to read all of it back.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "store/output_files.hpp"
#include "support/fake_clock.hpp"
#include "support/temporary_directory.hpp"

namespace bansuri::testing {

inline constexpr engine::Stream out = engine::Stream::standard_output;
inline constexpr engine::Stream err = engine::Stream::standard_error;

/// The byte at a position of a stream: shifted, doubled or lost output does not look like it.
inline char pattern(engine::Stream stream, std::uint64_t position) {
    const std::uint64_t mixed = (position + (stream == err ? 77 : 0)) * 0x9E3779B97F4A7C15ULL;
    return static_cast<char>(mixed >> 53U);
}

inline std::string pattern(engine::Stream stream, std::uint64_t position, std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = pattern(stream, position + i);
    return bytes;
}

/// As a reader of a pipe hands it over: into the place, or else by append().
inline void say(engine::OutputRecord& record, engine::Stream stream, std::string_view bytes) {
    while (!bytes.empty()) {
        const auto place = record.place(stream);
        if (!place) return record.append(stream, bytes);
        const ssize_t size = ::pwrite(place->fd, bytes.data(), std::min(place->room, bytes.size()),
                                      static_cast<off_t>(place->offset));
        if (size <= 0) {
            record.place_failed(errno);
            return record.append(stream, bytes);
        }
        record.placed(stream, static_cast<std::size_t>(size));
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
}

/// All that a reader gets by going on from where it was told to.
struct ReadBack {
    struct Run {
        std::uint64_t position = 0;
        bool is_error = false;
        std::string bytes;
        bool operator==(const Run&) const = default;
    };
    std::vector<Run> runs;
    std::uint64_t missing = 0;
    std::uint64_t end = 0;
    std::uint64_t kept() const {
        std::uint64_t sum = 0;
        for (const Run& run : runs) sum += run.bytes.size();
        return sum;
    }
    std::string of(bool is_error) const {
        std::string all;
        for (const Run& run : runs) {
            if (run.is_error == is_error) all += run.bytes;
        }
        return all;
    }
};

/// `read(position)` gives a piece, or nothing.
template <class Read>
std::optional<ReadBack> read_back(const Read& read, std::uint64_t position = 0) {
    ReadBack all;
    all.end = position;
    for (;;) {
        const std::optional<engine::OutputPiece> piece = read(all.end);
        if (!piece) return std::nullopt;
        EXPECT_EQ(piece->begin, all.end + piece->missing);
        EXPECT_TRUE(piece->complete || piece->end > all.end);
        all.missing += piece->missing;
        std::uint64_t at = piece->begin;
        for (const auto& span : piece->spans) {
            EXPECT_FALSE(span.bytes.empty());
            if (!all.runs.empty() && all.runs.back().is_error == span.is_error &&
                all.runs.back().position + all.runs.back().bytes.size() == at) {
                all.runs.back().bytes += span.bytes;
            } else {
                all.runs.push_back({at, span.is_error, span.bytes});
            }
            at += span.bytes.size();
        }
        EXPECT_EQ(at, piece->end);
        all.end = piece->end;
        if (piece->complete) return all;
        if (::testing::Test::HasFailure()) return std::nullopt;
    }
}

class OutputFilesFixture : public ::testing::Test {
  protected:
    /// As another daemon would find it. The records of the one before must be gone.
    void restart() {
        files.reset();
        files = std::make_unique<store::OutputFiles>(directory.path("output"), clock, health);
    }
    std::optional<ReadBack> read_back(engine::AttemptId id, std::size_t limit = 70'000,
                                      std::uint64_t position = 0) {
        return testing::read_back([&](std::uint64_t from) { return files->read(id, from, limit); },
                                  position);
    }
    /// Sizes of all files whose names end so.
    std::uint64_t on_disk(bool index = false) const {
        std::uint64_t sum = 0;
        std::error_code ignored;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(directory.path("output"), ignored)) {
            if (entry.is_regular_file() && (entry.path().extension() == ".index") == index)
                sum += entry.file_size();
        }
        return sum;
    }
    std::size_t file_count() const {
        std::size_t count = 0;
        std::error_code ignored;
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator(directory.path("output"), ignored)) {
            if (entry.is_regular_file()) ++count;
        }
        return count;
    }

    TemporaryDirectory directory;
    boost::asio::io_context loop;
    FakeClock clock{loop, WallTime{}};
    engine::Health health;
    std::unique_ptr<store::OutputFiles> files =
        std::make_unique<store::OutputFiles>(directory.path("output"), clock, health);
};

}  // namespace bansuri::testing
