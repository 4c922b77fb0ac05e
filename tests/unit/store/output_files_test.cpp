// SPDX-License-Identifier: MIT
//
// What is kept of captured output, and that it is what was said: limits, reading, going on after a
// restart, the way into the database.
#include "store/output_files.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <atomic>
#include <fstream>
#include <random>
#include <thread>

#include "unit/store/output_fixture.hpp"

namespace bansuri::testing {
namespace {

using namespace std::chrono_literals;
using engine::AttemptId;
using engine::Stream;

constexpr AttemptId id{17, 1};

class OutputFilesTest : public OutputFilesFixture {};

TEST_F(OutputFilesTest, AnAttemptThatSaysNothingCostsNoFile) {
    { const auto record = files->open(id, 1000); }
    EXPECT_FALSE(std::filesystem::exists(directory.path("output")));
    EXPECT_FALSE(files->read(id, 0, 100));
}

TEST_F(OutputFilesTest, OneLineOfStdoutIsOneFile) {
    const auto record = files->open(id, 10'000'000);
    say(*record, out, "a line\n");
    EXPECT_EQ(file_count(), 1u);
    EXPECT_EQ(std::filesystem::file_size(directory.path("output/0/17.1.10000000.0")), 7u);
}

TEST_F(OutputFilesTest, StreamsAreToldApart) {
    const auto record = files->open(id, 10'000);
    say(*record, err, "first ");
    say(*record, out, "second ");
    say(*record, out, "third ");
    say(*record, err, "fourth");
    const auto all = read_back(id, 4);
    ASSERT_TRUE(all);
    EXPECT_EQ(all->runs,
              (std::vector<ReadBack::Run>{
                  {0, true, "first "}, {6, false, "second third "}, {19, true, "fourth"}}));
    EXPECT_EQ(record->excerpt(err, 8).bytes, "t fourth");
    EXPECT_EQ(record->excerpt(err, 8).dropped, 4u);
    EXPECT_EQ(record->excerpt(out, 100).bytes, "second third ");
}

TEST_F(OutputFilesTest, ALimitOfNothingCountsOnly) {
    const auto record = files->open(id, 0);
    say(*record, out, "1234567");
    say(*record, err, "89");
    EXPECT_EQ(record->total(), 9u);
    EXPECT_EQ(record->excerpt(out, 10).dropped, 7u);
    EXPECT_EQ(file_count(), 0u);
}

/// What was said, byte for byte, and what of it has to be there.
struct Model {
    std::string bytes;
    std::vector<bool> errors;
    void say(Stream stream, std::string_view said) {
        bytes += said;
        errors.insert(errors.end(), said.size(), stream == err);
    }
    void check(const ReadBack& read, std::uint64_t limit) const {
        ASSERT_EQ(read.end, bytes.size());
        ASSERT_EQ(read.kept() + read.missing, bytes.size());
        ASSERT_LE(read.kept(), limit);
        std::uint64_t gaps = 0;
        std::uint64_t next = 0;
        for (const auto& run : read.runs) {
            if (run.position != next) {
                ++gaps;
                // The head is half of the limit, a rounding apart.
                ASSERT_GE(next, limit / 2);
            }
            ASSERT_EQ(bytes.compare(run.position, run.bytes.size(), run.bytes), 0) << run.position;
            for (std::uint64_t i = 0; i < run.bytes.size(); ++i)
                ASSERT_EQ(errors[run.position + i], run.is_error) << run.position + i;
            next = run.position + run.bytes.size();
        }
        if (next != bytes.size()) ++gaps;
        ASSERT_LE(gaps, bytes.size() <= limit ? 0u : 1u);
        if (bytes.size() <= limit || limit < 2) return;
        ASSERT_EQ(next, bytes.size());  // the last byte is there
        // Of the tail's half at most one segment is missing, which is half of the half.
        ASSERT_GE(read.kept(), limit < 8'192 ? limit : limit / 2 + limit / 8);
    }
};

class OutputLimitTest : public OutputFilesFixture,
                        public ::testing::WithParamInterface<std::uint64_t> {};

TEST_P(OutputLimitTest, WhatIsReadIsWhatWasSaidHoweverItArrivesAndWhoeverGoesOnWithIt) {
    const std::uint64_t limit = GetParam();
    const unsigned seed = std::random_device()();
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const std::uint64_t whole = std::min<std::uint64_t>(3 * limit + 20'000, 25'000'000);
    const std::size_t longest = limit > 1'000'000 ? 300'000 : 5'000;
    Model model;
    auto record = files->open(id, limit);
    while (model.bytes.size() < whole) {
        const Stream stream = random() % 3 == 0 ? err : out;
        const std::string bytes = pattern(stream, model.bytes.size(), 1 + random() % longest);
        if (random() % 4 == 0) {
            record->append(stream, bytes);
        } else {
            say(*record, stream, bytes);
        }
        model.say(stream, bytes);
        ASSERT_EQ(record->total(), model.bytes.size());
        ASSERT_LE(on_disk(), std::max<std::uint64_t>(limit, 16'384));
        const auto chance = random() % 64;
        if (chance < 4) {
            record.reset();
            restart();
            record = files->open(id, chance == 0 ? limit * 2 : limit);
        } else if (chance < 8) {
            const auto all = read_back(id, 1 + random() % 100'000);
            ASSERT_TRUE(all);
            model.check(*all, limit);
            if (HasFatalFailure()) return;
        } else if (chance == 8) {  // from the middle on
            const std::uint64_t from = random() % model.bytes.size();
            const auto rest = read_back(id, 100'000, from);
            ASSERT_TRUE(rest);
            EXPECT_EQ(from + rest->missing + rest->kept(), model.bytes.size());
            for (const auto& run : rest->runs)
                ASSERT_EQ(model.bytes.compare(run.position, run.bytes.size(), run.bytes), 0);
        }
    }
    record.reset();
    const auto all = read_back(id);
    ASSERT_TRUE(all);
    model.check(*all, limit);
    if (HasFatalFailure()) return;
    // The same from the database, if it goes there.
    const auto small = files->small(id);
    ASSERT_EQ(small.has_value(), all->kept() <= store::OutputFiles::small_output);
    if (!small) return;
    const auto packed = testing::read_back(
        [&](std::uint64_t from) { return std::optional(files->read(*small, from, 1000)); });
    ASSERT_TRUE(packed);
    EXPECT_EQ(packed->runs, all->runs);
    EXPECT_EQ(packed->missing, all->missing);
}

INSTANTIATE_TEST_SUITE_P(Limits, OutputLimitTest,
                         ::testing::Values(1, 2, 10, 1000, 16'383, 16'384, 16'385, 65'536, 65'537,
                                           131'071, 10'000'000));

TEST_F(OutputFilesTest, ExactlyTheLimitIsKeptWholeAndOneByteMoreIsNot) {
    for (const std::uint64_t limit : {1, 10, 16'384, 65'537, 131'071, 1'000'003}) {
        const AttemptId attempt{limit, 1};
        const auto record = files->open(attempt, limit);
        say(*record, out, pattern(out, 0, limit));
        EXPECT_EQ(read_back(attempt)->kept(), limit);
        EXPECT_EQ(read_back(attempt)->missing, 0u);
        say(*record, out, "x");
        EXPECT_GT(read_back(attempt)->missing, 0u);
    }
}

RC_GTEST_FIXTURE_PROP(OutputFilesTest, HeadAndTailAreThoseOfTheModel, ()) {
    const auto limit = *rc::gen::inRange<std::uint64_t>(1, 40'000);
    const auto pieces = *rc::gen::container<std::vector<std::pair<bool, std::uint16_t>>>(
        rc::gen::pair(rc::gen::arbitrary<bool>(), rc::gen::inRange<std::uint16_t>(1, 9'000)));
    static std::uint64_t run = 0;
    const AttemptId attempt{++run, 1};
    Model model;
    {
        const auto record = files->open(attempt, limit);
        for (const auto& [is_error, size] : pieces) {
            const Stream stream = is_error ? err : out;
            const std::string bytes = pattern(stream, model.bytes.size(), size);
            say(*record, stream, bytes);
            model.say(stream, bytes);
        }
        RC_ASSERT(record->total() == model.bytes.size());
    }
    const auto all = read_back(attempt);
    RC_ASSERT(all.has_value() == !model.bytes.empty());
    if (all) model.check(*all, limit);
    RC_ASSERT(!HasFailure());
}

TEST_F(OutputFilesTest, AfterARestartTheCountsOfBothStreamsGoOn) {
    constexpr std::uint64_t limit = 65'536;
    {
        const auto record = files->open(id, limit);
        for (int i = 0; i < 100; ++i) {
            say(*record, out, std::string(3'000, 'o'));
            say(*record, err, std::string(1'000, 'e'));
        }
        say(*record, out, std::string(200'000, 'o'));  // segments without any of stderr
    }
    restart();
    const auto record = files->open(id, limit);
    EXPECT_EQ(record->total(), 600'000u);
    const auto errors = record->excerpt(err, 100);
    EXPECT_EQ(errors.dropped + errors.bytes.size(), 100'000u);
    EXPECT_EQ(record->excerpt(out, 100).bytes, std::string(100, 'o'));
    EXPECT_EQ(record->excerpt(out, 100).dropped, 499'900u);
}

TEST_F(OutputFilesTest, TheIndexIsBoundedForATaskThatChangesStreamsForEver) {
    constexpr std::uint64_t limit = 100'000;
    const auto record = files->open(id, limit);
    for (int i = 0; i < 300'000; ++i) say(*record, i % 2 == 0 ? out : err, "x");
    EXPECT_LE(on_disk(true), limit / 4);
    EXPECT_EQ(record->total(), 300'000u);
    EXPECT_EQ(read_back(id)->missing + read_back(id)->kept(), 300'000u);
}

TEST_F(OutputFilesTest, ATornIndexEntryIsWrittenAnew) {
    {
        const auto record = files->open(id, 10'000);
        say(*record, out, "one");
        say(*record, err, "two");
    }
    std::ofstream(directory.path("output/0/17.1.10000.0.index"), std::ios::app) << "torn";
    restart();
    const auto record = files->open(id, 10'000);
    say(*record, out, "three");
    EXPECT_EQ(read_back(id)->of(true), "two");
    EXPECT_EQ(read_back(id)->of(false), "onethree");
}

// ---- the database -------------------------------------------------------------------------------

TEST_F(OutputFilesTest, ASmallOutputGoesToTheDatabaseAndALargeOneStays) {
    for (const std::size_t size : {1U, 16'384U, 16'385U}) {
        const AttemptId attempt{size, 1};
        {
            const auto record = files->open(attempt, 1'000'000);
            say(*record, out, pattern(out, 0, size));
        }
        const auto small = files->small(attempt);
        EXPECT_EQ(small.has_value(), size <= 16'384);
        if (!small) continue;
        EXPECT_EQ(small->bytes, pattern(out, 0, size));
        EXPECT_EQ(files->small(attempt), small);  // asked again
        files->taken(attempt);
        EXPECT_FALSE(files->read(attempt, 0, 100));
        EXPECT_FALSE(files->small(attempt));
    }
    EXPECT_EQ(file_count(), 1u);
    EXPECT_FALSE(files->small({99, 1}));
}

TEST_F(OutputFilesTest, AttemptsOfARunTogetherKeepNoMoreThanTheLimit) {
    constexpr std::uint64_t limit = 131'072;
    for (std::uint32_t attempt = 1; attempt <= 10; ++attempt) {
        const auto record = files->open({id.run, attempt}, limit);
        for (int i = 0; i < 100 * static_cast<int>(attempt); ++i) {
            say(*record, out, std::string(1000, 'x'));
            // Its first segment is there before it is known that it will be a long one.
            ASSERT_LE(on_disk(), limit + 16'384);
        }
        files->small({id.run, attempt});
        ASSERT_LE(on_disk(), limit);
        EXPECT_TRUE(files->read({id.run, attempt}, 0, 10));
    }
    EXPECT_FALSE(files->read({id.run, 1}, 0, 10));
}

TEST_F(OutputFilesTest, FilesOfPrunedRunsAreRemovedAndOthersStay) {
    for (const std::uint64_t run : {1U, 2U, 1001U, 1002U, 2001U}) {
        const auto record = files->open({run, 1}, 1'000'000);
        say(*record, out, "x");
        say(*record, err, "x");
    }
    files->pruned({1, 1001, 1002, 5000});
    EXPECT_FALSE(files->read({1, 1}, 0, 10));
    EXPECT_TRUE(files->read({2, 1}, 0, 10));
    EXPECT_TRUE(files->read({2001, 1}, 0, 10));
    EXPECT_EQ(file_count(), 4u);
    EXPECT_FALSE(std::filesystem::exists(directory.path("output/1")));
}

TEST_F(OutputFilesTest, TheSweepRemovesWhatNobodyWantsAndNothingElse) {
    std::filesystem::create_directories(directory.path("output/0"));
    std::ofstream(directory.path("output/0/README")) << "somebody's";
    for (const std::uint64_t run : {1U, 2U, 1001U}) {
        const auto record = files->open({run, 1}, 1'000'000);
        say(*record, err, "x");
    }
    restart();
    const auto alive = files->open({3, 1}, 1'000'000);
    say(*alive, out, "x");
    EXPECT_EQ(files->sweep([](AttemptId attempt) { return attempt.run == 2; }), 4u);
    EXPECT_FALSE(files->read({1, 1}, 0, 10));
    EXPECT_FALSE(files->read({1001, 1}, 0, 10));
    EXPECT_TRUE(files->read({2, 1}, 0, 10));
    EXPECT_TRUE(files->read({3, 1}, 0, 10));
    EXPECT_TRUE(std::filesystem::exists(directory.path("output/0/README")));
    EXPECT_FALSE(std::filesystem::exists(directory.path("output/1")));
    say(*alive, err, "y");
    EXPECT_EQ(read_back({3, 1})->of(true), "y");
}

RC_GTEST_FIXTURE_PROP(OutputFilesTest, ADamagedPackIsReadWithoutHarm,
                      (std::string index, std::string bytes, std::uint64_t position)) {
    const store::SmallOutput damaged{index, bytes};
    const auto piece = files->read(damaged, position % 100, 50);
    std::size_t size = 0;
    for (const auto& span : piece.spans) size += span.bytes.size();
    RC_ASSERT(size <= 50u);
    RC_ASSERT(piece.end == piece.begin + size);
}

TEST_F(OutputFilesTest, AReaderOnAnotherThreadSeesOnlyWhatWasSaid) {
    constexpr std::uint64_t limit = 65'536;
    std::atomic<bool> stop = false;
    std::atomic<std::uint64_t> bytes_read = 0;
    std::thread reader([&] {
        std::uint64_t position = 0;
        while (!stop) {
            const auto piece = files->read(id, position, 30'000);
            if (!piece) continue;
            std::uint64_t at = piece->begin;
            for (const auto& span : piece->spans) {
                // A thousand bytes of the one, a thousand of the other.
                for (std::uint64_t i = 0; i < span.bytes.size(); ++i, ++at) {
                    const Stream stream = at / 1000 % 2 == 0 ? out : err;
                    if (span.is_error != (stream == err) || span.bytes[i] != pattern(stream, at)) {
                        ADD_FAILURE() << at;
                        return;
                    }
                }
            }
            bytes_read += at - piece->begin;
            position = piece->end;
            if (piece->complete) position = 0;
        }
    });
    {
        const auto record = files->open(id, limit);
        for (std::uint64_t at = 0; at < 20'000'000 || bytes_read < 1'000'000; at += 1000) {
            const Stream stream = at / 1000 % 2 == 0 ? out : err;
            say(*record, stream, pattern(stream, at, 1000));
            if (HasFailure()) break;
        }
    }
    files->taken(id);
    stop = true;
    reader.join();
    EXPECT_EQ(file_count(), 0u);
}

}  // namespace
}  // namespace bansuri::testing
