// SPDX-License-Identifier: MIT
//
// Captured output that cannot be written: said, counted, and written later.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "store/output_files.hpp"
#include "unit/store/output_fixture.hpp"

namespace bansuri::testing {
namespace {

using engine::AttemptId;

constexpr AttemptId id{17, 1};

class OutputFullDiskTest : public OutputFilesFixture {};

/// Files cannot grow beyond this size as long as it lives: a full disk for those who are longer.
class FileSizeLimit {
  public:
    explicit FileSizeLimit(rlim_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        rlimit limit = before_;
        limit.rlim_cur = bytes;
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~FileSizeLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, signal_);
    }
    FileSizeLimit(const FileSizeLimit&) = delete;
    FileSizeLimit& operator=(const FileSizeLimit&) = delete;

  private:
    rlimit before_{};
    void (*signal_)(int);
};

/// Every byte that was read is the one that was said there.
void expect_pattern(const ReadBack& read) {
    for (const auto& run : read.runs)
        EXPECT_EQ(run.bytes, pattern(out, run.position, run.bytes.size())) << run.position;
}

TEST_F(OutputFullDiskTest, AFullDiskIsSaidAndCountedAndHealsByItself) {
    constexpr std::uint64_t limit = 10'000'000;
    auto record = files->open(id, limit);
    std::uint64_t said = 0;
    const auto go_on = [&](std::uint64_t bytes) {
        for (const std::uint64_t end = said + bytes; said < end; said += 1000)
            say(*record, out, pattern(out, said, 1000));
    };
    {
        const FileSizeLimit full(100'000);
        go_on(50'000);
        EXPECT_TRUE(health.problems().empty());
        go_on(350'000);
        ASSERT_EQ(health.problems().size(), 1u);
        EXPECT_EQ(health.problems()[0].component, "output");
        EXPECT_NE(health.problems()[0].reason.find("File too large"), std::string::npos);
        EXPECT_EQ(record->total(), 400'000u);
        const auto all = read_back(id);
        ASSERT_TRUE(all);
        EXPECT_EQ(all->end, 400'000u);
        EXPECT_EQ(all->kept(), 100'000u + store::PendingOutput::most_bytes);
        EXPECT_EQ(all->missing, 400'000u - all->kept());
        expect_pattern(*all);
        EXPECT_EQ(record->excerpt(out, 10).bytes, pattern(out, 399'990, 10));

        clock.advance(store::OutputFiles::retry_after);
        EXPECT_EQ(health.problems().size(), 1u);
        EXPECT_EQ(record->total(), 400'000u);
    }
    clock.advance(store::OutputFiles::retry_after);
    EXPECT_TRUE(health.problems().empty());
    go_on(10'000);
    for (int daemon = 0; daemon < 2; ++daemon) {
        const auto all = read_back(id, 1000);
        ASSERT_TRUE(all);
        EXPECT_EQ(all->end, 410'000u);
        EXPECT_EQ(all->missing, 300'000u - store::PendingOutput::most_bytes);
        expect_pattern(*all);
        record.reset();
        restart();
        record = files->open(id, limit);
        EXPECT_EQ(record->total(), 410'000u);
    }
}

TEST_F(OutputFullDiskTest, AGapThatIsLongerThanSegmentsIsStillCountedExactly) {
    constexpr std::uint64_t limit = 131'072;  // segments of 16 KiB
    auto record = files->open(id, limit);
    say(*record, out, pattern(out, 0, 10'000));
    {
        const FileSizeLimit full(10'000);
        say(*record, err, pattern(err, 10'000, 500'000));
        say(*record, out, pattern(out, 510'000, 1'000));
    }
    clock.advance(store::OutputFiles::retry_after);
    EXPECT_TRUE(health.problems().empty());
    EXPECT_LE(on_disk(), limit);
    for (int daemon = 0; daemon < 2; ++daemon) {
        EXPECT_EQ(record->total(), 511'000u);
        EXPECT_EQ(record->excerpt(err, 0).dropped, 500'000u);
        const auto all = read_back(id);
        ASSERT_TRUE(all);
        EXPECT_EQ(all->kept() + all->missing, 511'000u);
        EXPECT_EQ(all->of(false), pattern(out, 0, 10'000) + pattern(out, 510'000, 1'000));
        const std::string errors = all->of(true);
        EXPECT_GT(errors.size(), 40'000u);
        EXPECT_EQ(errors, pattern(err, 510'000 - errors.size(), errors.size()));
        record.reset();
        restart();
        record = files->open(id, limit);
    }
}

TEST_F(OutputFullDiskTest, ADirectoryThatCannotBeMadeIsTriedAgain) {
    std::ofstream(directory.path("output")) << "a file stands where it should be";
    const auto record = files->open(id, 100'000);
    say(*record, out, "first ");
    say(*record, err, "second ");
    EXPECT_EQ(health.problems().size(), 1u);
    EXPECT_EQ(read_back(id)->of(false), "first ");
    std::filesystem::remove(directory.path("output"));
    clock.advance(store::OutputFiles::retry_after);
    EXPECT_TRUE(health.problems().empty());
    say(*record, out, "third");
    EXPECT_EQ(read_back(id)->of(false), "first third");
    EXPECT_EQ(on_disk(), 18u);
}

TEST_F(OutputFullDiskTest, WhatAnEndedAttemptCouldNotWriteIsWrittenLater) {
    {
        const FileSizeLimit full(10);
        const auto record = files->open(id, 100'000);
        say(*record, out, pattern(out, 0, 30'000));
    }
    EXPECT_EQ(read_back(id)->missing, 0u);
    clock.advance(store::OutputFiles::retry_after);
    EXPECT_TRUE(health.problems().empty());
    restart();
    EXPECT_EQ(read_back(id)->of(false), pattern(out, 0, 30'000));
}

TEST_F(OutputFullDiskTest, WhatTheDatabaseHasTakenIsNotWrittenLater) {
    {
        const FileSizeLimit full(10);
        const auto record = files->open(id, 100'000);
        say(*record, out, pattern(out, 0, 3'000));
    }
    const auto small = files->small(id);
    ASSERT_TRUE(small);
    EXPECT_EQ(small->bytes, pattern(out, 0, 3'000));
    files->taken(id);
    clock.advance(store::OutputFiles::retry_after);
    EXPECT_TRUE(health.problems().empty());
    EXPECT_EQ(file_count(), 0u);
    EXPECT_FALSE(files->read(id, 0, 100));
}

}  // namespace
}  // namespace bansuri::testing
