// SPDX-License-Identifier: MIT
//
// The daemon's end of the socket to the keeper, and the attempts behind it. KeeperClient and the
// Processes that it hands out share it.
#pragma once

#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "keeper/packet_socket.hpp"
#include "keeper/protocol.hpp"
#include "keeper/unique_fd.hpp"
#include "os/kept_attempt.hpp"

namespace bansuri::os {

class KeeperConnection : public std::enable_shared_from_this<KeeperConnection> {
  public:
    KeeperConnection(boost::asio::any_io_executor loop, keeper::UniqueFd socket)
        : loop_(loop), socket_(loop, socket.release()), retry_(loop), listed_(loop), fetch_(loop) {}

    void open();
    void close();
    bool lost() const { return lost_; }
    void on_lost(std::function<void()> told) { on_lost_ = std::move(told); }
    bool uses_cgroups() const { return cgroups_; }
    /// Bits, as in keeper::Hello.
    std::uint32_t controllers() const { return controllers_; }
    bool has_started() const { return has_started_; }
    const boost::asio::any_io_executor& loop() const { return loop_; }
    std::span<char> buffer() { return buffer_; }

    bool knows(keeper::AttemptId id) const { return attempts_.contains(id); }
    void add(keeper::AttemptId id, std::shared_ptr<KeptAttempt> attempt) {
        attempts_[id] = std::move(attempt);
    }
    void forget(keeper::AttemptId id) {
        attempts_.erase(id);
        waiting_.erase(id);
    }
    /// Nobody will ask about it any more: ended if it lives, acknowledged once it is gone.
    void abandon(keeper::AttemptId id);
    void end(keeper::AttemptId id, Duration grace, keeper::EndCause cause);
    void send(std::span<const std::byte> packet, std::vector<keeper::UniqueFd> fds = {});
    /// Blocks, for a few seconds at most, until the keeper has been sent all that was to be sent
    /// and this. False if that failed.
    bool send_now_or_never(keeper::MessageType type);
    /// Nothing is sent any more: what runs is left to the next daemon.
    void detach() { detached_ = true; }

    /// Asks what the keeper holds, until it has answered; bounded by the keeper, which answers or
    /// is lost. What was not known is in waiting() then.
    boost::asio::awaitable<void> list();
    /// Attempts that nobody has taken over yet.
    struct Waiting {
        std::string label;
    };
    const std::map<keeper::AttemptId, Waiting>& waiting() const { return waiting_; }
    void wait_for_take_over(keeper::AttemptId id, std::string label) {
        waiting_[id] = {std::move(label)};
    }
    /// The attempt, if it is waiting: it is the caller's from now on.
    std::shared_ptr<KeptAttempt> take(keeper::AttemptId id);
    const std::shared_ptr<KeptAttempt>& attempt(keeper::AttemptId id) const {
        return attempts_.at(id);
    }
    /// Has the keeper send the pipes of an attempt.
    void fetch_pipes(keeper::AttemptId id);

  private:
    struct Outgoing {
        std::vector<std::byte> packet;
        std::vector<keeper::UniqueFd> fds;
    };
    keeper::Transfer send_now(std::span<const std::byte> packet,
                              const std::vector<keeper::UniqueFd>& fds);
    void send_queued();
    void send_later(keeper::Transfer reason);
    void wait_for_packets();
    void receive();
    void handle(std::span<const std::byte> bytes, keeper::ReceivedPacket& packet);
    void tell(keeper::AttemptId id, KeptAttempt& attempt, const keeper::Message& message,
              keeper::ReceivedPacket& packet);
    void show(const keeper::Message& message, keeper::ReceivedPacket& packet);
    void give_pipes(keeper::AttemptId id, KeptAttempt& attempt, std::uint32_t captured,
                    keeper::ReceivedPacket& packet);
    void acknowledge(keeper::AttemptId id);
    void lose();

    boost::asio::any_io_executor loop_;
    boost::asio::posix::stream_descriptor socket_;
    boost::asio::steady_timer retry_;
    boost::asio::steady_timer listed_;  ///< never expires; cancelled when the list has ended
    boost::asio::steady_timer fetch_;   ///< until pipes are asked for again
    std::map<keeper::AttemptId, std::shared_ptr<KeptAttempt>> attempts_;
    std::map<keeper::AttemptId, Waiting> waiting_;
    std::set<keeper::AttemptId> to_fetch_;  ///< for whose pipes there was no room
    std::deque<Outgoing> queue_;
    std::vector<char> buffer_ = std::vector<char>(64 * 1024);
    std::array<std::byte, keeper::max_packet> incoming_;
    bool listing_ = false;
    bool lost_ = false;
    bool detached_ = false;
    std::function<void()> on_lost_;
    bool cgroups_ = false;
    std::uint32_t controllers_ = 0;
    bool has_started_ = false;
};

}  // namespace bansuri::os
