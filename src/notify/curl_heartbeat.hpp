// SPDX-License-Identifier: MIT
//
// Requests the address of a task's heartbeat with libcurl, on a thread of its own.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

#include "core/time.hpp"
#include "engine/heartbeat.hpp"
#include "engine/wakeup.hpp"

namespace bansuri::notify {

/// Lives on the engine's loop. Requests go out in their order, a few at a time, each within a time
/// limit; what does not fit into the queue is dropped. Only http and https, also after a redirect;
/// an answer below 400 is a good one, and its body is thrown away. The proxy variables that curl(1)
/// knows hold, those of Bansuri's own environment.
class CurlHeartbeat final : public engine::Heartbeat {
  public:
    struct Limits {
        std::size_t queued = 1000;
        std::size_t at_once = 8;
        Duration each = std::chrono::seconds(10);
        std::size_t bytes = 64 * 1024;  ///< of an answer: what follows is not read
        long redirects = 5;
    };
    /// Told of the first failure in a row of a task, and, with an empty `error`, of its end. The
    /// error never has the path of the address, which may be a secret.
    using Report = std::function<void(const std::string& task, const std::string& error)>;

    CurlHeartbeat(boost::asio::any_io_executor loop, Report report, Limits limits);
    CurlHeartbeat(boost::asio::any_io_executor loop, Report report)
        : CurlHeartbeat(std::move(loop), std::move(report), Limits{}) {}
    /// Gives up what is under way. Waits at most a second for the thread.
    ~CurlHeartbeat() override;
    CurlHeartbeat(const CurlHeartbeat&) = delete;
    CurlHeartbeat& operator=(const CurlHeartbeat&) = delete;

    void beat(const std::string& task, const std::string& address) override;

    /// Resumes when every request has its answer, or abandon() was called.
    boost::asio::awaitable<void> until_idle();
    /// Nothing is waited for any more.
    void abandon();

  private:
    class Worker;

    void done(const std::string& task, const std::string& error);

    boost::asio::any_io_executor loop_;
    Report report_;
    Limits limits_;
    std::size_t waiting_ = 0;  ///< requests without an answer
    bool abandoned_ = false;
    std::unordered_set<std::string> failing_;
    engine::Wakeup changed_;
    std::shared_ptr<Worker> worker_;  ///< made for the first request
};

}  // namespace bansuri::notify
