// SPDX-License-Identifier: MIT
//
// Bansuri's own stdout and stderr. Whoever reads them may be slow or gone, so a thread each does
// the writing, and what waits for it is bounded.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "engine/output_capture.hpp"
#include "engine/wakeup.hpp"

namespace bansuri::os {

/// write() from any thread; forward() and ready() from the loop. While a reader makes progress
/// everything is delivered and tasks wait for it; once it has made none for `patience`, lines are
/// dropped and counted until it does, and a line says how many. The two streams do not hold each
/// other up.
class Console final : public engine::OutputForwarder {
  public:
    struct Limits {
        std::size_t waiting = 4 << 20;  ///< bytes, of each stream
        Duration patience = std::chrono::seconds(1);
        /// For what waits when the console goes: a reader that takes nothing for so long is given
        /// up, and one that goes on taking after ten times that.
        Duration farewell = std::chrono::seconds(1);
    };

    /// The descriptors are not closed. On a terminal, control characters are shown escaped.
    Console(boost::asio::any_io_executor loop, int stdout_fd, int stderr_fd, Limits limits);
    Console(boost::asio::any_io_executor loop, int stdout_fd, int stderr_fd)
        : Console(std::move(loop), stdout_fd, stderr_fd, Limits{}) {}
    /// Writes what waits, within the bounds of `farewell`.
    ~Console() override;
    Console(const Console&) = delete;
    Console& operator=(const Console&) = delete;

    void forward(engine::Stream stream, std::string lines) override {
        write(stream, std::move(lines));
    }
    boost::asio::awaitable<void> ready() override;
    void write(engine::Stream stream, std::string lines);
    std::uint64_t dropped_lines() const;
    /// For a process that is about to end without unwinding: writes what waits, within the
    /// bounds of `farewell`; nothing can be written afterwards.
    void close();

  private:
    class Channel;

    engine::Wakeup room_;
    std::array<std::unique_ptr<Channel>, 2> channels_;  // stdout, stderr
};

}  // namespace bansuri::os
