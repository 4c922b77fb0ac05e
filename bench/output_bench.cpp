// SPDX-License-Identifier: MIT
//
// 1 GiB of a task's output through the capture, beside `cat > /dev/null` at the end of the same
// pipe, in turns in the same run. Prints a table line each and one line of JSON.
//
//   bench_output [GIB] [ROUNDS] [OUTPUT-LIMIT]
//
// Then what one line of a short task costs, from its start to the database's door.
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/output_capture.hpp"
#include "keeper/keeper.hpp"
#include "keeper/process_setup.hpp"
#include "os/keeper_client.hpp"
#include "os/system_clock.hpp"
#include "store/output_files.hpp"

namespace {

using namespace bansuri;
namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point begin) {
    return std::chrono::duration<double>(SteadyClock::now() - begin).count();
}

struct NullForwarder final : engine::OutputForwarder {
    void forward(engine::Stream, std::string lines) override { bytes += lines.size(); }
    asio::awaitable<void> ready() override { co_return; }
    std::uint64_t bytes = 0;
};

/// The round that others on the machine disturbed least.
double best(const std::vector<double>& values) {
    return *std::min_element(values.begin(), values.end());
}

long peak_kib() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

double through_cat(const std::string& producer) {
    const auto begin = SteadyClock::now();
    const std::string command = producer + " | cat > /dev/null";
    const pid_t child = ::fork();
    if (child == 0) {
        ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
        ::_exit(127);
    }
    ::waitpid(child, nullptr, 0);
    return seconds_since(begin);
}

/// Once more at the socket of a keeper that lives in a process of its own.
keeper::UniqueFd start_keeper() {
    std::array<int, 2> sockets{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) < 0) std::abort();
    keeper::UniqueFd ours(sockets[0]);
    keeper::UniqueFd theirs(sockets[1]);
    if (::fork() != 0) return ours;
    ours.reset();
    const auto inherited = keeper::prepare_process();
    keeper::Keeper(std::move(theirs), inherited, {}).run();
    ::_exit(0);
}

class Bench {
  public:
    explicit Bench(keeper::UniqueFd socket)
        : client_(loop_.get_executor(), std::move(socket)), clock_(loop_.get_executor()) {}

    /// `files` may be nullptr: captured, and not kept.
    double through_capture(const std::string& producer, std::uint64_t limit,
                           store::OutputFiles* files) {
        NullForwarder forwarder;
        const engine::AttemptId id{++run_, 1};
        engine::OutputCapture capture("bench", limit, forwarder,
                                      files == nullptr ? nullptr : files->open(id, limit));
        engine::LaunchSpec spec;
        spec.id = id;
        spec.argv = {"/bin/sh", "-c", producer};
        spec.environment = {"PATH=/usr/bin:/bin"};
        spec.working_directory = "/";
        std::unique_ptr<engine::Process> process;
        const auto begin = SteadyClock::now();
        asio::co_spawn(
            loop_,
            client_.start(std::move(spec), capture,
                          [&] {
                              if (process && process->gone()) loop_.stop();
                          }),
            [&](const std::exception_ptr&, Result<std::unique_ptr<engine::Process>> started) {
                process = std::move(started.value());
            });
        loop_.restart();
        loop_.run();
        const double elapsed = seconds_since(begin);
        if (capture.total() == 0) std::fprintf(stderr, "nothing came\n");
        return elapsed;
    }
    engine::Clock& clock() { return clock_; }
    engine::AttemptId last() const { return {run_, 1}; }

  private:
    asio::io_context loop_{1};
    os::KeeperClient client_;
    os::SystemClock clock_;
    std::uint64_t run_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const std::uint64_t bytes = (argc > 1 ? std::stoull(argv[1]) : 1) << 30U;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 3;
    const std::uint64_t limit = argc > 3 ? std::stoull(argv[3]) : 10'000'000;

    std::string directory = (std::filesystem::temp_directory_path() / "bansuri-bench-XXXXXX");
    if (::mkdtemp(directory.data()) == nullptr) std::abort();
    constexpr std::uint64_t file_size = 64U << 20U;
    {
        const std::string line =
            "a line of output as a program would write it, of eighty bytes with its newline\n";
        std::ofstream file(directory + "/lines");
        for (std::uint64_t size = 0; size < file_size; size += line.size()) file << line;
    }
    std::string cat = "exec cat";
    for (std::uint64_t i = 0; i < bytes / file_size; ++i) cat += " " + directory + "/lines";

    Bench bench(start_keeper());
    engine::Health health;
    store::OutputFiles files(directory + "/output", bench.clock(), health);
    struct Series {
        const char* name;
        std::string producer;
        std::vector<double> cat = {};
        std::vector<double> captured = {};
        std::vector<double> kept = {};
    };
    std::array series{
        Series{"zeros", "exec head -c " + std::to_string(bytes) + " /dev/zero"},
        Series{"lines", cat},
    };
    for (int round = 0; round < rounds; ++round) {
        for (Series& one : series) {
            one.cat.push_back(through_cat(one.producer));
            one.captured.push_back(bench.through_capture(one.producer, limit, nullptr));
            one.kept.push_back(bench.through_capture(one.producer, limit, &files));
        }
    }
    std::vector<double> bare_starts;
    std::vector<double> kept_starts;
    for (int round = 0; round < rounds; ++round) {
        for (auto* const into : {&bare_starts, &kept_starts}) {
            constexpr int starts = 500;
            double spent = 0;
            for (int i = 0; i < starts; ++i) {
                spent += bench.through_capture("echo a line", limit,
                                               into == &bare_starts ? nullptr : &files);
                if (into == &bare_starts) continue;
                const auto begin = SteadyClock::now();
                if (!files.small(bench.last())) std::fprintf(stderr, "nothing was kept\n");
                files.taken(bench.last());
                spent += seconds_since(begin);
            }
            into->push_back(spent / starts * 1e6);
        }
    }

    const double mib = static_cast<double>(bytes >> 20U);
    std::printf("%-8s %12s %14s %7s %12s %7s\n", "", "cat MiB/s", "captured", "ratio", "kept",
                "ratio");
    std::string json;
    for (const Series& one : series) {
        const double cat_rate = mib / best(one.cat);
        const double captured = mib / best(one.captured);
        const double kept = mib / best(one.kept);
        std::printf("%-8s %12.0f %14.0f %7.2f %12.0f %7.2f\n", one.name, cat_rate, captured,
                    captured / cat_rate, kept, kept / cat_rate);
        json += std::string(",\"") + one.name + "_ratio\":" + std::to_string(kept / cat_rate);
    }
    std::printf("one line: %.0f us captured, %.0f us kept; peak %ld KiB\n", best(bare_starts),
                best(kept_starts), peak_kib());
    std::printf(
        "{\"bench\":\"output\",\"limit\":%llu%s,\"line_us\":%.1f,\"kept_line_us\":%.1f,"
        "\"peak_kib\":%ld}\n",
        static_cast<unsigned long long>(limit), json.c_str(), best(bare_starts), best(kept_starts),
        peak_kib());
    std::filesystem::remove_all(directory);
}
