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

class KeeperConnection;

/// Used on the thread of its loop only. Destroying it closes the socket to the keeper and ends
/// nothing: without leave(), attempts live on for the next daemon. Processes may outlive it and are
/// lost() then. The loop must outlive it.
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

    /// What is not taken over stays with the keeper, untouched.
    boost::asio::awaitable<std::vector<engine::HeldAttempt>> held() override;
    std::unique_ptr<engine::Process> take_over(engine::AttemptId id, engine::OutputSink& sink,
                                               std::function<void()> changed) override;
    boost::asio::awaitable<Result<void>> adopt(engine::AdoptSpec spec) override;

    /// Known once the keeper has answered.
    std::vector<std::string> shortcomings(const Isolation& isolation) const override;

    /// Tells the keeper that this daemon's end is meant: it starts no other, ends what is left, and
    /// exits with this daemon's exit code. Blocks until that is sent, a few seconds at most; false
    /// if it could not be.
    bool leave();
    /// Tells the keeper that this daemon ends to be replaced by the program that is installed now.
    /// Like leave(), but then nothing is sent any more: destroying Processes ends nothing.
    bool replace();
    /// Tells the keeper that this daemon has been asked to end: if it dies on the way, the next one
    /// ends in its place.
    void ending();
    /// Tells the keeper that this daemon has taken over. One that was installed under running tasks
    /// and ends before that is followed by the program that ran before it.
    void ready();
    /// From now on nothing is sent: destroying Processes ends nothing. For a daemon that ends
    /// because something is broken, and leaves its tasks to the next.
    void detach();

    /// The keeper is gone: nothing can be started, and every Process is lost().
    bool lost() const;
    /// Calls `told` on the loop, once, when that has become true.
    void on_lost(std::function<void()> told);
    /// Whether attempts are contained by cgroups; known once the keeper has answered.
    bool uses_cgroups() const;
    /// Whether a daemon before this one has had anything started; known once the keeper has
    /// answered.
    bool has_started() const;

  private:
    std::shared_ptr<KeeperConnection> connection_;
};

}  // namespace bansuri::os
