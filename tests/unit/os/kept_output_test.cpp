// SPDX-License-Identifier: MIT
//
// The way of captured bytes from a real task through the keeper's pipe to the place that a sink
// names, and what happens if that place takes none.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cerrno>

#include "engine/output_capture.hpp"
#include "os/keeper_client.hpp"
#include "store/output_files.hpp"
#include "support/fake_clock.hpp"
#include "support/temporary_directory.hpp"
#include "unit/keeper/keeper_process.hpp"

namespace bansuri::os {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using engine::AttemptId;
using engine::Process;
using engine::Stream;
using testing::TemporaryDirectory;

/// Names a file as the place, in steps of `room`.
class PlaceSink final : public engine::OutputSink {
  public:
    explicit PlaceSink(int fd) : fd_(fd) {}
    std::optional<Place> place(Stream) override {
        ++asked;
        if (!failures.empty()) return std::nullopt;
        return Place{fd_, offset, room};
    }
    void placed(Stream, std::string_view bytes) override {
        offset += bytes.size();
        seen += bytes;
    }
    void place_failed(int error) override { failures.push_back(error); }
    void write(Stream, std::string_view bytes) override { written += bytes; }
    asio::awaitable<void> ready() override { co_return; }

    std::uint64_t offset = 0;
    std::size_t room = 1000;
    std::size_t asked = 0;
    std::string seen;
    std::string written;
    std::vector<int> failures;

  private:
    int fd_;
};

struct CollectingForwarder final : engine::OutputForwarder {
    void forward(Stream, std::string lines) override { text += lines; }
    asio::awaitable<void> ready() override { co_return; }
    std::string text;
};

class KeptOutputTest : public ::testing::Test {
  protected:
    KeptOutputTest()
        : client(std::make_unique<KeeperClient>(loop.get_executor(), keeper.take_socket())) {}

    bool until(const std::function<bool()>& claim) {
        const auto deadline = std::chrono::steady_clock::now() + keeper::patience;
        loop.restart();
        while (!claim()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            loop.run_for(10ms);
            loop.restart();
        }
        return true;
    }
    /// Runs the script to its end.
    void run(AttemptId id, const std::string& script, engine::OutputSink& sink) {
        engine::LaunchSpec spec;
        spec.id = id;
        spec.argv = {"/bin/sh", "-c", script};
        spec.environment = {"PATH=/usr/bin:/bin"};
        spec.working_directory = "/";
        std::unique_ptr<Process> process;
        asio::co_spawn(loop, client->start(std::move(spec), sink, [] {}),
                       [&](const std::exception_ptr&, Result<std::unique_ptr<Process>> answer) {
                           process = std::move(answer.value());
                       });
        ASSERT_TRUE(until([&] { return process && process->gone(); }));
    }
    keeper::UniqueFd open(const std::string& path, int flags) {
        return keeper::UniqueFd(::open(path.c_str(), flags | O_CLOEXEC, 0600));
    }
    std::string content(int fd) {
        std::string bytes(1'000'000, '\0');
        bytes.resize(static_cast<std::size_t>(::pread(fd, bytes.data(), bytes.size(), 0)));
        return bytes;
    }

    keeper::KeeperProcess keeper;
    asio::io_context loop{1};
    std::unique_ptr<KeeperClient> client;
    TemporaryDirectory directory;
};

TEST_F(KeptOutputTest, GivenAPlace_ThenTheFileHasTheBytesAndTheSinkSeesThem) {
    const auto file = open(directory.path("output"), O_RDWR | O_CREAT);
    PlaceSink sink(file.get());
    run({1, 1}, "seq 1 20000", sink);
    EXPECT_EQ(sink.seen.size(), 108'894u);
    EXPECT_EQ(content(file.get()), sink.seen);
    EXPECT_TRUE(sink.seen.ends_with("19999\n20000\n"));
    EXPECT_EQ(sink.written, "");
    EXPECT_TRUE(sink.failures.empty());
}

TEST_F(KeptOutputTest, GivenATaskThatSaysNothing_ThenNoPlaceIsAskedFor) {
    PlaceSink sink(-1);
    run({1, 1}, "exit 0", sink);
    EXPECT_EQ(sink.asked, 0u);
}

TEST_F(KeptOutputTest, GivenAPlaceThatTakesNothing_ThenTheSameBytesComeByWrite) {
    struct Row {
        const char* why;
        std::string path;
        int flags;
        std::uint64_t offset;
        int error;
    };
    const Row rows[] = {
        {"a file that may not grow so far", directory.write("long", ""), O_RDWR, 1ULL << 62U,
         EFBIG},
        {"a device that knows no splice", "/dev/full", O_RDWR, 0, EINVAL},
        {"opened for reading only", directory.write("read-only", ""), O_RDONLY, 0, EBADF},
        {"splice does not append", directory.write("append", ""), O_RDWR | O_APPEND, 0, EINVAL},
    };
    std::uint64_t run_id = 0;
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        const auto file = open(row.path, row.flags);
        ASSERT_TRUE(file);
        PlaceSink sink(file.get());
        sink.offset = row.offset;
        run({++run_id, 1}, "seq 1 20000", sink);
        EXPECT_EQ(sink.failures, std::vector<int>{row.error});
        EXPECT_EQ(sink.seen, "");
        EXPECT_EQ(sink.written.size(), 108'894u);
        EXPECT_TRUE(sink.written.starts_with("1\n2\n3\n"));
    }
}

TEST_F(KeptOutputTest, GivenTheRealRecord_ThenBothStreamsAreKeptForwardedAndBounded) {
    testing::FakeClock clock(loop, WallTime{});
    engine::Health health;
    store::OutputFiles files(directory.path("kept"), clock, health);
    CollectingForwarder console;
    constexpr std::uint64_t limit = 1'000'000;
    engine::OutputCapture capture("t", limit, console, files.open({1, 1}, limit));
    run({1, 1}, "seq 1 1000000; echo last >&2", capture);
    capture.flush();
    EXPECT_EQ(capture.total(), 6'888'896u + 5);
    std::string kept;
    std::string errors;
    std::uint64_t missing = 0;
    std::uint64_t position = 0;
    for (bool complete = false; !complete;) {
        const auto piece = files.read({1, 1}, position, 100'000);
        ASSERT_TRUE(piece);
        missing += piece->missing;
        for (const auto& span : piece->spans) (span.is_error ? errors : kept) += span.bytes;
        position = piece->end;
        complete = piece->complete;
    }
    EXPECT_EQ(errors, "last\n");
    EXPECT_TRUE(kept.starts_with("1\n2\n3\n"));
    EXPECT_TRUE(kept.ends_with("999999\n1000000\n"));
    EXPECT_LE(kept.size() + errors.size(), limit);
    EXPECT_GE(kept.size() + errors.size(), limit * 5 / 8);
    EXPECT_EQ(kept.size() + errors.size() + missing, capture.total());
    EXPECT_EQ(capture.excerpt(Stream::standard_error).bytes, "last\n");
    EXPECT_NE(console.text.find("t | 1000000\n"), std::string::npos);
    EXPECT_NE(console.text.find("t | last\n"), std::string::npos);
}

}  // namespace
}  // namespace bansuri::os
