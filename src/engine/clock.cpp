// SPDX-License-Identifier: MIT
#include "engine/clock.hpp"

#include <boost/asio/this_coro.hpp>

#include "engine/wakeup.hpp"

namespace bansuri::engine {

boost::asio::awaitable<void> Clock::sleep_until(MonoTime deadline) {
    Wakeup due(co_await boost::asio::this_coro::executor);
    const auto alarm = at(deadline, [&due] { due.notify(); });
    while (mono_now() < deadline) co_await due.wait();
}

}  // namespace bansuri::engine
