// SPDX-License-Identifier: MIT
//
// Asks the machine what a start needs to know, in threads of its own: the directory of accounts, or
// the disk that a file is on, may take its time, and the other tasks do not wait for it.
#pragma once

#include <boost/asio/thread_pool.hpp>

#include "engine/start_lookup.hpp"

namespace bansuri::os {

class StartLookup final : public engine::StartLookup {
  public:
    /// A file of variables that is larger is no such file.
    static constexpr std::size_t largest_file = 1 << 20;

    StartLookup() : threads_(4) {}
    /// Waits for what has been asked.
    ~StartLookup() override { threads_.join(); }
    StartLookup(const StartLookup&) = delete;
    StartLookup& operator=(const StartLookup&) = delete;

    boost::asio::awaitable<Result<engine::StartFacts>> look_up(
        std::shared_ptr<const Task> task) override;
    std::vector<std::string> environment_of(pid_t pid) override;

  private:
    boost::asio::thread_pool threads_;
};

/// The same, at once.
Result<engine::StartFacts> look_up_now(const Isolation& isolation);

}  // namespace bansuri::os
