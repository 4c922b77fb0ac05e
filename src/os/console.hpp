// SPDX-License-Identifier: MIT
//
// Bansuri's own stdout and stderr. Whoever reads them may be slow or gone, so a thread does the
// writing, and what waits for it is bounded.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "engine/output_capture.hpp"
#include "engine/wakeup.hpp"

namespace bansuri::os {

/// write() from any thread; forward() and ready() from the loop. While the reader makes progress
/// everything is delivered and tasks wait for it; once it has made none for `patience`, lines are
/// dropped and counted until it does, and a line says how many.
class Console final : public engine::OutputForwarder {
  public:
    struct Limits {
        std::size_t waiting = 4 << 20;  ///< bytes
        Duration patience = std::chrono::seconds(1);
    };

    /// The descriptors are not closed. On a terminal, control characters are shown escaped.
    Console(boost::asio::any_io_executor loop, int stdout_fd, int stderr_fd, Limits limits);
    Console(boost::asio::any_io_executor loop, int stdout_fd, int stderr_fd)
        : Console(std::move(loop), stdout_fd, stderr_fd, Limits{}) {}
    /// Writes what waits, for at most a second.
    ~Console() override;
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    void forward(engine::Stream stream, std::string lines) override {
        write(stream, std::move(lines));
    }
    boost::asio::awaitable<void> ready() override;
    void write(engine::Stream stream, std::string lines);
    std::uint64_t dropped_lines() const;

  private:
    struct Block {
        engine::Stream stream;
        std::string lines;
    };
    void write_forever();
    void put(engine::Stream stream, std::string_view lines);
    bool reader_is_gone() const;  // with mutex_ held

    const int fds_[2];
    const bool terminals_[2];
    const Limits limits_;
    boost::asio::any_io_executor loop_;
    engine::Wakeup room_;

    mutable std::mutex mutex_;
    std::condition_variable work_;
    std::deque<Block> waiting_;
    std::size_t waiting_bytes_ = 0;
    std::uint64_t dropped_ = 0;
    std::uint64_t dropped_untold_ = 0;
    std::chrono::steady_clock::time_point progress_;
    bool someone_waits_ = false;
    bool finishing_ = false;
    std::thread writer_;
};

}  // namespace bansuri::os
