// SPDX-License-Identifier: MIT
#include "engine/release.hpp"

#include <memory>

#include "engine/wakeup.hpp"

namespace bansuri::engine {
namespace {

struct Discard final : OutputSink {
    void write(Stream, std::string_view) override {}
    boost::asio::awaitable<void> ready() override { co_return; }
};

}  // namespace

boost::asio::awaitable<void> release(Services& services, AttemptId attempt, Duration patience) {
    Discard nowhere;
    const auto changed = std::make_shared<Wakeup>(services.loop);
    const std::function<void()> told = [changed] { changed->notify(); };
    const auto process = services.launcher.take_over(attempt, nowhere, told);
    if (!process) co_return;
    const MonoTime deadline = services.clock.mono_now() + patience;
    const auto limit = services.clock.at(deadline, told);
    bool ending = false;
    // Ended by the process, which the deadline ends in turn; a lost keeper has nothing to forget.
    while (!process->gone() && !process->lost()) {
        if (!ending && services.clock.mono_now() >= deadline) {
            ending = true;
            process->end(Duration::zero(), EndCause::time_limit);
        }
        co_await changed->wait();
    }
}

}  // namespace bansuri::engine
