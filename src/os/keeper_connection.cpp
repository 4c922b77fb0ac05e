// SPDX-License-Identifier: MIT
#include "os/keeper_connection.hpp"

#include <poll.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

#include "os/launch_message.hpp"

namespace bansuri::os {

namespace asio = boost::asio;
using boost::system::error_code;
using keeper::MessageType;
using keeper::Transfer;
using keeper::UniqueFd;

namespace {

constexpr int packets_a_turn = 64;
/// Long enough for a keeper that is busy, short enough for a daemon that has to end.
constexpr std::chrono::seconds patience_at_end(5);
/// Descriptors that were not there become free when other attempts end.
constexpr std::chrono::milliseconds fetch_pause(100);

}  // namespace

void KeeperConnection::open() {
    keeper::Hello hello;
    hello.pid = ::getpid();
    send(keeper::encode(MessageType::hello, {}, hello));
    wait_for_packets();
}

void KeeperConnection::close() {
    detached_ = true;
    lose();
    for (const auto& [id, attempt] : attempts_) attempt->abandon();
    attempts_.clear();
    waiting_.clear();
}

void KeeperConnection::abandon(keeper::AttemptId id) {
    const auto found = attempts_.find(id);
    if (found == attempts_.end()) return;
    const auto attempt = found->second;
    attempt->abandon();
    if (attempt->ended()) {
        acknowledge(id);
    } else {
        end(id, Duration::zero(), keeper::EndCause::none);
    }
}

void KeeperConnection::end(keeper::AttemptId id, Duration grace, keeper::EndCause cause) {
    keeper::End end;
    end.grace_us = grace.count();
    end.cause = cause;
    send(keeper::encode(MessageType::end, id, end));
}

void KeeperConnection::acknowledge(keeper::AttemptId id) {
    send(keeper::encode(MessageType::ack, id));
    attempts_.erase(id);
}

void KeeperConnection::send(std::span<const std::byte> packet, std::vector<UniqueFd> fds) {
    if (lost_ || detached_) return;
    Transfer sent = Transfer::would_block;
    if (queue_.empty()) {
        sent = send_now(packet, fds);
        if (sent == Transfer::done) return;
    }
    queue_.push_back({{packet.begin(), packet.end()}, std::move(fds)});
    if (queue_.size() == 1) send_later(sent);
}

Transfer KeeperConnection::send_now(std::span<const std::byte> packet,
                                    const std::vector<UniqueFd>& fds) {
    std::array<int, keeper::max_packet_fds> numbers{};
    for (std::size_t i = 0; i < fds.size(); ++i) numbers[i] = fds[i].get();
    return keeper::send_packet(socket_.native_handle(), packet,
                               std::span(numbers).first(fds.size()));
}

bool KeeperConnection::send_now_or_never(MessageType type) {
    if (lost_ || detached_) return false;
    const auto packet = keeper::encode(type, {});
    queue_.push_back({{packet.begin(), packet.end()}, {}});
    const auto deadline = std::chrono::steady_clock::now() + patience_at_end;
    while (!queue_.empty()) {
        const Transfer sent = send_now(queue_.front().packet, queue_.front().fds);
        if (sent == Transfer::done) {
            queue_.pop_front();
            continue;
        }
        if (sent == Transfer::closed || sent == Transfer::failed ||
            std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        // Not only for the socket: memory for descriptors in flight makes no event.
        constexpr int pause_ms = 20;
        pollfd socket{socket_.native_handle(), POLLOUT, 0};
        ::poll(sent == Transfer::would_block ? &socket : nullptr,
               sent == Transfer::would_block ? 1 : 0, pause_ms);
    }
    return true;
}

asio::awaitable<void> KeeperConnection::list() {
    const auto self = shared_from_this();
    listing_ = true;
    listed_.expires_at(asio::steady_timer::time_point::max());
    send(keeper::encode(MessageType::list, {}));
    while (listing_ && !lost_) {
        error_code woken;
        auto token = asio::redirect_error(asio::use_awaitable, woken);
        co_await listed_.async_wait(token);
    }
}

std::shared_ptr<KeptAttempt> KeeperConnection::take(keeper::AttemptId id) {
    if (!waiting_.contains(id) || !attempts_.at(id)->has_started()) return nullptr;
    waiting_.erase(id);
    return attempts_.at(id);
}

void KeeperConnection::fetch_pipes(keeper::AttemptId id) {
    send(keeper::encode(MessageType::list, id));
}

void KeeperConnection::send_queued() {
    while (!lost_ && !queue_.empty()) {
        const Transfer sent = send_now(queue_.front().packet, queue_.front().fds);
        if (sent != Transfer::done) return send_later(sent);
        queue_.pop_front();
    }
}

void KeeperConnection::send_later(Transfer reason) {
    const auto go_on = [self = shared_from_this()](error_code error) {
        if (!error) self->send_queued();
    };
    switch (reason) {
        case Transfer::done:
        case Transfer::would_block:
            socket_.async_wait(asio::posix::descriptor_base::wait_write, go_on);
            break;
        case Transfer::exhausted:
            retry_.expires_after(std::chrono::milliseconds(20));
            retry_.async_wait(go_on);
            break;
        case Transfer::closed:
        case Transfer::failed:
            // Not at once: the caller may be in the middle of a start().
            asio::post(loop_, [self = shared_from_this()] { self->lose(); });
            break;
    }
}

void KeeperConnection::wait_for_packets() {
    socket_.async_wait(asio::posix::descriptor_base::wait_read,
                       [self = shared_from_this()](error_code error) {
                           if (!error) self->receive();
                       });
}

void KeeperConnection::receive() {
    for (int i = 0; i < packets_a_turn && !lost_; ++i) {
        keeper::ReceivedPacket packet;
        switch (keeper::receive_packet(socket_.native_handle(), incoming_, packet)) {
            case Transfer::done: handle(std::span(incoming_).first(packet.size), packet); break;
            case Transfer::would_block:
            case Transfer::exhausted: return wait_for_packets();
            case Transfer::closed:
            case Transfer::failed: return lose();
        }
    }
    if (!lost_) asio::post(loop_, [self = shared_from_this()] { self->receive(); });
}

void KeeperConnection::handle(std::span<const std::byte> bytes, keeper::ReceivedPacket& packet) {
    const auto message = keeper::parse_message(bytes);
    if (!message) return lose();
    if (message->header.type == MessageType::hello) {
        const auto hello = keeper::parse_body<keeper::Hello>(*message);
        if (!hello || hello->version != keeper::protocol_version) return lose();
        cgroups_ = hello->containment == keeper::ContainmentKind::cgroups;
        controllers_ = hello->controllers;
        has_started_ = hello->has_started != 0;
        return;
    }
    if (message->header.type == MessageType::attempt) return show(*message, packet);
    if (message->header.type == MessageType::list_end) {
        listing_ = false;
        listed_.cancel();
        return;
    }
    const auto found = attempts_.find(message->header.id());
    if (found == attempts_.end()) return;
    const auto attempt = found->second;  // a callback may remove it from the map
    tell(message->header.id(), *attempt, *message, packet);
}

void KeeperConnection::tell(keeper::AttemptId id, KeptAttempt& attempt,
                            const keeper::Message& message, keeper::ReceivedPacket& packet) {
    switch (message.header.type) {
        case MessageType::started: {
            const auto started = keeper::parse_body<keeper::Started>(message);
            if (!started) return lose();
            attempt.started(*started);
            if (waiting_.contains(id)) break;  // whoever takes it over will ask for them
            give_pipes(id, attempt, started->captured, packet);
            break;
        }
        case MessageType::spawn_error: {
            const auto failure = keeper::parse_body<keeper::SpawnError>(message);
            if (!failure) return lose();
            if (attempt.has_started()) {  // its pipes were asked for, and it is not held any more
                attempt.pipes({}, {});
                break;
            }
            if (attempt.abandoned()) attempts_.erase(id);
            attempt.refused(*failure);
            break;
        }
        case MessageType::exited: {
            const auto exited = keeper::parse_body<keeper::Exited>(message);
            if (!exited) return lose();
            const bool also_gone = (message.header.flags & keeper::flag_also_gone) != 0;
            attempt.exited(*exited, also_gone);
            if (also_gone && attempt.abandoned() && knows(id)) acknowledge(id);
            break;
        }
        case MessageType::gone: {
            const auto gone = keeper::parse_body<keeper::Gone>(message);
            if (!gone) return lose();
            attempt.gone(gone->named());
            if (attempt.abandoned() && knows(id)) acknowledge(id);
            break;
        }
        default: break;
    }
}

void KeeperConnection::show(const keeper::Message& message, keeper::ReceivedPacket& packet) {
    const keeper::AttemptId id = message.header.id();
    const auto held = keeper::parse_labelled<keeper::Held>(message);
    if (!held) return lose();
    if (const auto found = attempts_.find(id); found != attempts_.end()) {
        const auto attempt = found->second;
        if (attempt->awaits_pipes()) {
            give_pipes(id, *attempt, held->body.started.captured, packet);
        }
        return;
    }
    if (!listing_) return;
    auto attempt = std::make_shared<KeptAttempt>(loop_, buffer_, nullptr, nullptr);
    attempt->held(held->body);
    attempts_[id] = std::move(attempt);
    waiting_[id] = {std::string(held->label)};
}

void KeeperConnection::give_pipes(keeper::AttemptId id, KeptAttempt& attempt,
                                  std::uint32_t captured, keeper::ReceivedPacket& packet) {
    const bool output = (captured & keeper::captured_output) != 0;
    const bool error = (captured & keeper::captured_error) != 0;
    if (packet.fd_count == std::size_t{output} + std::size_t{error}) {
        return attempt.pipes(output ? std::move(packet.fds[0]) : UniqueFd(),
                             error ? std::move(packet.fds[output ? 1 : 0]) : UniqueFd());
    }
    // No descriptors are left. The keeper keeps its own, so nothing is lost by asking again.
    attempt.await_pipes();
    to_fetch_.insert(id);
    if (to_fetch_.size() > 1) return;
    fetch_.expires_after(fetch_pause);
    fetch_.async_wait([self = shared_from_this()](error_code cancelled) {
        if (cancelled) return;
        for (const keeper::AttemptId one : std::exchange(self->to_fetch_, {})) {
            if (self->knows(one)) self->fetch_pipes(one);
        }
    });
}

void KeeperConnection::lose() {
    if (std::exchange(lost_, true)) return;
    queue_.clear();
    retry_.cancel();
    fetch_.cancel();
    listed_.cancel();
    error_code ignored;
    socket_.close(ignored);
    const auto attempts = attempts_;  // a callback may change the map
    for (const auto& [id, attempt] : attempts) attempt->lose();
    if (on_lost_) asio::post(loop_, std::exchange(on_lost_, nullptr));
}

}  // namespace bansuri::os
