// SPDX-License-Identifier: MIT
//
// Starts attempts through the keeper (src/keeper) and reads what they write:
// engine::ProcessLauncher on an Asio loop. docs/processes.md tells what the keeper does.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>

#include "engine/process_launcher.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::os {

/// Used on the thread of its loop only. Destroying it closes the socket to the keeper; Processes
/// may outlive it and are lost() then. The loop must outlive it.
class KeeperClient final : public engine::ProcessLauncher {
  public:
    /// `socket`: the daemon's end, a SOCK_SEQPACKET socket.
    KeeperClient(boost::asio::any_io_executor loop, keeper::UniqueFd socket);
    ~KeeperClient() override;
    KeeperClient(const KeeperClient&) = delete;
    KeeperClient& operator=(const KeeperClient&) = delete;

    /// If cancelled, what was started meanwhile is ended at once.
    boost::asio::awaitable<Result<std::unique_ptr<engine::Process>>> start(
        engine::LaunchSpec spec, engine::OutputSink& sink, std::function<void()> changed) override;

    /// The keeper is gone: nothing can be started, and every Process is lost().
    bool lost() const;
    /// Calls `told` on the loop, once, when that has become true.
    void on_lost(std::function<void()> told);
    /// Whether attempts are contained by cgroups; known once the keeper has answered.
    bool uses_cgroups() const;

    class Connection;  ///< defined in keeper_client.cpp

  private:
    std::shared_ptr<Connection> connection_;
};

}  // namespace bansuri::os
