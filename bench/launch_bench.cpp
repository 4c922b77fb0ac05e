// SPDX-License-Identifier: MIT
//
// /bin/true launches a second through the keeper, beside a bare clone3-and-wait loop with as many
// in flight, in turns in the same run, so that the ratio means something on a busy machine. Prints
// a table line each and one line of JSON.
//
//   bench_launch [LAUNCHES A ROUND] [ROUNDS]
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "keeper/keeper.hpp"
#include "keeper/process_setup.hpp"
#include "os/keeper_client.hpp"

namespace {

using namespace bansuri;
namespace asio = boost::asio;
using Clock = std::chrono::steady_clock;

constexpr int in_flight = 8;
const char* const program = "/bin/true";

int exec_program(void*) {
    const std::array<char*, 2> argv{const_cast<char*>(program), nullptr};
    const std::array<char*, 1> environment{nullptr};
    ::execve(program, argv.data(), environment.data());
    ::_exit(127);
}

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// The least that anybody can do: vfork-like clone, exec, wait.
double bare(int launches) {
    constexpr std::size_t size = 65536;
    static char* const stack = static_cast<char*>(::mmap(
        nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0));
    const auto begin = Clock::now();
    int started = 0;
    for (int ended = 0; ended < launches;) {
        if (started < launches && started - ended < in_flight) {
            if (::clone(exec_program, stack + size, CLONE_VM | CLONE_VFORK | SIGCHLD, nullptr) >
                0) {
                ++started;
            }
            continue;
        }
        if (::waitpid(-1, nullptr, 0) > 0) ++ended;
    }
    return launches / seconds_since(begin);
}

struct KeptKeeper {
    explicit KeptKeeper(keeper::Options options) {
        std::array<int, 2> sockets{};
        if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets.data()) < 0)
            std::abort();
        socket.reset(sockets[0]);
        keeper::UniqueFd theirs(sockets[1]);
        pid = ::fork();
        if (pid != 0) return;
        socket.reset();
        const auto inherited = keeper::prepare_process();
        keeper::Keeper(std::move(theirs), inherited, options).run();
        ::_exit(0);
    }
    ~KeptKeeper() {
        socket.reset();
        ::waitpid(pid, nullptr, 0);
    }
    keeper::UniqueFd socket;
    pid_t pid = -1;
};

/// The protocol with nothing behind it: what the keeper itself costs.
double through_protocol(int launches, keeper::Options options) {
    const KeptKeeper kept(options);
    keeper::StartSpec spec;
    spec.argv = {program};
    const auto body = keeper::encode_start(spec);
    const auto begin = Clock::now();
    int started = 0;
    for (int ended = 0; ended < launches;) {
        if (started < launches && started - ended < in_flight) {
            keeper::send_packet(
                kept.socket.get(),
                keeper::encode_start_packet({static_cast<std::uint64_t>(++started), 1}, 0, body));
            continue;
        }
        pollfd waiting{kept.socket.get(), POLLIN, 0};
        ::poll(&waiting, 1, -1);
        std::array<std::byte, keeper::max_packet> buffer;
        keeper::ReceivedPacket packet;
        while (keeper::receive_packet(kept.socket.get(), buffer, packet) ==
               keeper::Transfer::done) {
            const auto message = keeper::parse_message(std::span(buffer).first(packet.size));
            if (message && message->header.type == keeper::MessageType::exited) {
                ++ended;
                keeper::send_packet(kept.socket.get(),
                                    keeper::encode(keeper::MessageType::ack, message->header.id()));
            }
        }
    }
    return launches / seconds_since(begin);
}

struct Discard final : engine::OutputSink {
    void write(engine::Stream, std::string_view) override {}
    asio::awaitable<void> ready() override { co_return; }
};

engine::LaunchSpec capturing_both() {
    engine::LaunchSpec spec;
    spec.argv.emplace_back(program);
    spec.working_directory.push_back('/');
    return spec;
}

/// One of those in flight: starts, waits until it is gone, starts the next.
asio::awaitable<void> worker(os::KeeperClient* client, asio::io_context* loop, std::uint64_t* next,
                             std::uint64_t last) {
    Discard sink;
    while (*next < last) {
        engine::LaunchSpec spec = capturing_both();
        spec.id = {++*next, 1};
        asio::steady_timer changed(*loop, asio::steady_timer::time_point::max());
        auto starting = client->start(std::move(spec), sink, [&changed] { changed.cancel(); });
        auto process = co_await std::move(starting);
        if (!process) std::abort();
        while (!(*process)->gone()) {
            boost::system::error_code woken;
            auto token = asio::redirect_error(asio::use_awaitable, woken);
            co_await changed.async_wait(token);
        }
    }
}

/// As the engine does it: both streams captured.
double through_client(int launches, keeper::Options options) {
    KeptKeeper kept(options);
    asio::io_context loop(1);
    os::KeeperClient client(loop.get_executor(), std::move(kept.socket));
    std::uint64_t next = 0;
    int working = in_flight;
    const auto begin = Clock::now();
    for (int i = 0; i < in_flight; ++i) {
        asio::co_spawn(loop, worker(&client, &loop, &next, static_cast<std::uint64_t>(launches)),
                       [&](const std::exception_ptr&) {
                           if (--working == 0) loop.stop();
                       });
    }
    loop.run();
    return launches / seconds_since(begin);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    const int launches = argc > 1 ? std::atoi(argv[1]) : 1000;
    const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
    keeper::Options walking;
    walking.use_cgroups = false;
    struct Series {
        const char* name;
        double (*measure)(int, keeper::Options);
        keeper::Options options;
        std::vector<double> rates = {};
    };
    std::array series{
        Series{"bare", [](int count, keeper::Options) { return bare(count); }, {}},
        Series{"keeper_cgroups", through_protocol, {}},
        Series{"keeper_processes", through_protocol, walking},
        Series{"client_cgroups", through_client, {}},
        Series{"client_processes", through_client, walking},
    };
    for (int round = 0; round < rounds; ++round) {
        for (Series& one : series) one.rates.push_back(one.measure(launches, one.options));
    }
    const double base = median(series[0].rates);
    std::printf("%-18s %12s %8s\n", "", "launches/s", "ratio");
    for (const Series& one : series) {
        std::printf("%-18s %12.0f %8.2f\n", one.name, median(one.rates), median(one.rates) / base);
    }
    std::printf("{\"bench\":\"launch\",\"launches\":%d,\"rounds\":%d,\"in_flight\":%d", launches,
                rounds, in_flight);
    for (const Series& one : series) std::printf(",\"%s_per_s\":%.0f", one.name, median(one.rates));
    for (std::size_t i = 1; i < series.size(); ++i) {
        std::printf(",\"%s_ratio\":%.3f", series[i].name, median(series[i].rates) / base);
    }
    std::printf("}\n");
}
