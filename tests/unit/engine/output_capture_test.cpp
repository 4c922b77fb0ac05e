// SPDX-License-Identifier: MIT
#include "engine/output_capture.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "support/simulated_world.hpp"

namespace bansuri::engine {
namespace {

constexpr Stream out = Stream::standard_output;

TEST(OutputCapture, LinesAreLedByTheNameHoweverTheyArrive) {
    testing::RecordingForwarder console;
    OutputCapture capture("t", 1'000'000, console);
    for (const char* const piece : {"on", "e\ntw", "o\n\nthree"}) capture.write(out, piece);
    EXPECT_EQ(console.text, "t | one\nt | two\nt | \n");
    capture.flush();
    EXPECT_EQ(console.text, "t | one\nt | two\nt | \nt | three\n");
}

TEST(OutputCapture, AnEndlessLineIsForwardedInPiecesAndMemoryStaysBounded) {
    testing::RecordingForwarder console;
    OutputCapture capture("t", 1'000'000, console);
    const std::string piece(10'000, 'x');
    for (int i = 0; i < 100; ++i) capture.write(out, piece);
    capture.flush();
    EXPECT_EQ(std::count(console.text.begin(), console.text.end(), 'x'), 1'000'000);
    EXPECT_EQ(std::count(console.text.begin(), console.text.end(), '\n'),
              1'000'000 / static_cast<long>(OutputCapture::longest_line) + 1);
}

TEST(OutputCapture, KeepsTheLastPartOfEachStream) {
    testing::RecordingForwarder console;
    OutputCapture capture("t", 10, console);
    capture.write(out, "0123456789");
    capture.write(out, "abc");
    capture.write(Stream::standard_error, "err");
    EXPECT_EQ(capture.excerpt(out).bytes, "3456789abc");
    EXPECT_EQ(capture.excerpt(out).dropped, 3u);
    EXPECT_EQ(capture.excerpt(Stream::standard_error).bytes, "err");
}

/// A record in memory that notes how it was asked.
struct FakeRecord final : OutputRecord {
    struct Seen {
        std::string text;   // of both streams
        std::string asked;  // a letter a call
        bool has_place = true;
    };
    explicit FakeRecord(Seen& what) : seen(what) {}
    std::optional<OutputSink::Place> place(Stream) override {
        seen.asked += 'p';
        if (!seen.has_place) return std::nullopt;
        return OutputSink::Place{7, total(), 100};
    }
    void placed(Stream, std::size_t size) override {
        seen.asked += 'd';
        seen.text.append(size, '.');
    }
    void place_failed(int error) override { seen.asked += "f" + std::to_string(error); }
    void append(Stream, std::string_view bytes) override {
        seen.asked += 'a';
        seen.text += bytes;
    }
    std::uint64_t total() const override { return seen.text.size() + earlier_dropped; }
    OutputExcerpt excerpt(Stream stream, std::size_t limit) const override {
        OutputExcerpt excerpt;
        if (stream == out) {
            const std::size_t size = std::min(limit, seen.text.size());
            excerpt.bytes = seen.text.substr(seen.text.size() - size);
            excerpt.dropped = total() - size;
        }
        return excerpt;
    }
    Seen& seen;
    std::uint64_t earlier_dropped = 0;
};

TEST(OutputCapture, WithARecordBytesAreKeptOnceAndForwardedAsEver) {
    testing::RecordingForwarder console;
    FakeRecord::Seen seen;
    OutputCapture capture("t", 100, console, std::make_unique<FakeRecord>(seen));
    const auto place = capture.place(out);
    ASSERT_TRUE(place);
    EXPECT_EQ(place->fd, 7);
    capture.placed(out, "one\n");
    capture.place_failed(28);
    capture.write(out, "two\n");
    seen.has_place = false;
    EXPECT_FALSE(capture.place(out));
    EXPECT_EQ(seen.asked, "pdf28ap");
    EXPECT_EQ(seen.text, "....two\n");
    EXPECT_EQ(console.text, "t | one\nt | two\n");
    EXPECT_EQ(capture.excerpt(out).bytes, "one\ntwo\n");
    EXPECT_EQ(capture.total(), 8u);
}

TEST(OutputCapture, WithoutARecordThereIsNoPlaceAndTheBytesAreCounted) {
    testing::RecordingForwarder console;
    OutputCapture capture("t", 100, console);
    EXPECT_FALSE(capture.place(out));
    capture.place_failed(28);
    capture.write(out, "one");
    capture.write(Stream::standard_error, "two");
    EXPECT_EQ(capture.total(), 6u);
}

TEST(OutputCapture, AfterATakeOverTheTailAndTheUnfinishedLineGoOn) {
    struct Row {
        const char* why;
        std::string earlier;
        std::uint64_t dropped;
        const char* forwarded;
    };
    const Row rows[] = {
        {"a line that was forwarded is not forwarded again", "one\n", 0, "t | x\n"},
        {"what had no newline yet was not forwarded", "one\ntw", 0, "t | twx\n"},
        {"nor was it without any newline", "tw", 0, "t | twx\n"},
        {"unless it was so long that it was, in pieces", "tw", 70'000, "t | x\n"},
        {"nothing was said", "", 0, "t | x\n"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        testing::RecordingForwarder console;
        FakeRecord::Seen seen{.text = row.earlier};
        auto record = std::make_unique<FakeRecord>(seen);
        record->earlier_dropped = row.dropped;
        OutputCapture capture("t", 100'000, console, std::move(record));
        capture.write(out, "x\n");
        EXPECT_EQ(console.text, row.forwarded);
        EXPECT_EQ(capture.excerpt(out).bytes, row.earlier + "x\n");
        EXPECT_EQ(capture.excerpt(out).dropped, row.dropped);
        EXPECT_EQ(capture.total(), row.earlier.size() + row.dropped + 2);
    }
}

RC_GTEST_PROP(OutputCapture, ForwardsEveryByteInOrder, (std::vector<std::string> pieces)) {
    testing::RecordingForwarder console;
    OutputCapture capture("t", 100, console);
    std::string whole;
    for (const std::string& piece : pieces) {
        capture.write(out, piece);
        whole += piece;
    }
    capture.flush();
    std::string expected;
    for (std::size_t at = 0; at < whole.size();) {
        const std::size_t newline = std::min(whole.find('\n', at), whole.size());
        expected += "t | " + whole.substr(at, newline - at) + "\n";
        at = newline + 1;
    }
    RC_ASSERT(console.text == expected);
    const OutputExcerpt tail = capture.excerpt(out);
    RC_ASSERT(whole.ends_with(tail.bytes));
    RC_ASSERT(tail.dropped + tail.bytes.size() == whole.size());
}

}  // namespace
}  // namespace bansuri::engine
