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
