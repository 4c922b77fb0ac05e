// SPDX-License-Identifier: MIT
//
// Where a coroutine waits until something that it cares about has changed. As with a condition
// variable the waiter looks at its conditions again after each wake-up, so that one place to wait
// serves an exit, a time limit and a stop alike.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace bansuri::engine {

/// For one loop. Whoever owns it must see to it that notify() comes: each wait says from whom.
class Wakeup {
  public:
    explicit Wakeup(const boost::asio::any_io_executor& loop)
        : gate_(loop, boost::asio::steady_timer::time_point::max()) {}

    /// Resumes whoever waits now; nobody waiting is no error.
    void notify() { gate_.cancel(); }

    boost::asio::awaitable<void> wait() {
        // The gate never opens by itself: being cancelled is how it says "look again".
        boost::system::error_code cancelled;
        co_await gate_.async_wait(
            boost::asio::redirect_error(boost::asio::use_awaitable, cancelled));
    }

  private:
    boost::asio::steady_timer gate_;
};

}  // namespace bansuri::engine
