// SPDX-License-Identifier: MIT
#include "store/redirected_output.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <fstream>

#include "support/temporary_directory.hpp"

namespace bansuri::testing {
namespace {

using ::testing::HasSubstr;

class RedirectedOutput : public ::testing::Test {
  protected:
    RedirectedOutput() { std::ofstream(path) << "before|mine|after"; }

    engine::OutputPiece read(std::uint64_t begin, std::optional<std::uint64_t> end,
                             std::uint64_t position = 0, std::size_t limit = 100) const {
        return store::read_redirected({path, begin, end}, false, position, limit);
    }
    static std::string text(const engine::OutputPiece& piece) {
        return piece.spans.empty() ? std::string() : piece.spans.at(0).bytes;
    }

    TemporaryDirectory folder;
    const std::string path = folder.path("log");
};

TEST_F(RedirectedOutput, IsThePartFromItsBeginToItsEnd) {
    const auto piece = read(7, 11);
    EXPECT_EQ(text(piece), "mine");
    EXPECT_EQ(piece.begin, 0u);
    EXPECT_EQ(piece.end, 4u);
    EXPECT_TRUE(piece.complete);
    EXPECT_EQ(piece.problem, "");
    EXPECT_EQ(text(read(7, std::nullopt)), "mine|after");
}

TEST_F(RedirectedOutput, ComesInPiecesThatJoin) {
    std::string all;
    std::uint64_t position = 0;
    for (bool complete = false; !complete;) {
        const auto piece = read(7, 11, position, 3);
        EXPECT_EQ(piece.begin, position);
        all += text(piece);
        position = piece.end;
        complete = piece.complete;
    }
    EXPECT_EQ(all, "mine");
}

TEST_F(RedirectedOutput, HasNothingBeyondItsEnd) {
    for (const std::uint64_t position : {4ull, 5ull, 1000ull, ~0ull}) {
        const auto piece = read(7, 11, position);
        EXPECT_TRUE(piece.spans.empty());
        EXPECT_TRUE(piece.complete);
        EXPECT_GE(piece.end, piece.begin);
    }
}

TEST_F(RedirectedOutput, OfAFileThatIsShorterNowIsGoneAndSaysSo) {
    const auto piece = read(1000, std::nullopt);
    EXPECT_THAT(piece.problem, HasSubstr(path));
    EXPECT_THAT(piece.problem, HasSubstr("rotated"));
    EXPECT_TRUE(piece.complete);
    // The next attempt began where this one ended, and then the file was cut in between.
    EXPECT_EQ(text(read(12, 1000)), "after");
}

TEST_F(RedirectedOutput, OfWhatIsNoFileSaysSoAndDoesNotWait) {
    EXPECT_THAT(store::read_redirected({folder.path("none"), 0, {}}, false, 0, 10).problem,
                HasSubstr("No such file"));
    ASSERT_EQ(::mkfifo(folder.path("fifo").c_str(), 0600), 0);
    EXPECT_THAT(store::read_redirected({folder.path("fifo"), 0, {}}, true, 0, 10).problem,
                HasSubstr("no file"));
}

}  // namespace
}  // namespace bansuri::testing
