// SPDX-License-Identifier: MIT
#include "os/keeper_client.hpp"

#include <fmt/format.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <deque>
#include <map>
#include <system_error>
#include <vector>

#include "keeper/packet_socket.hpp"
#include "keeper/protocol.hpp"
#include "keeper/sealed_memory.hpp"
#include "keeper/start_spec.hpp"
#include "os/kept_attempt.hpp"
#include "os/launch_message.hpp"

namespace bansuri::os {

namespace asio = boost::asio;
using boost::system::error_code;
using keeper::MessageType;
using keeper::Transfer;
using keeper::UniqueFd;

/// The socket to the keeper and the attempts behind it. Lives as long as somebody waits on it.
class KeeperClient::Connection : public std::enable_shared_from_this<Connection> {
  public:
    Connection(asio::any_io_executor loop, UniqueFd socket)
        : loop_(loop), socket_(loop, socket.release()), retry_(loop) {}

    void open();
    void close();
    bool lost() const { return lost_; }
    void on_lost(std::function<void()> told) { on_lost_ = std::move(told); }
    bool uses_cgroups() const { return cgroups_; }
    const asio::any_io_executor& loop() const { return loop_; }
    std::span<char> buffer() { return buffer_; }

    bool knows(keeper::AttemptId id) const { return attempts_.contains(id); }
    void add(keeper::AttemptId id, std::shared_ptr<KeptAttempt> attempt) {
        attempts_[id] = std::move(attempt);
    }
    void forget(keeper::AttemptId id) { attempts_.erase(id); }
    /// Nobody will ask about it any more: ended if it lives, acknowledged once it is gone.
    void abandon(keeper::AttemptId id);
    void end(keeper::AttemptId id, Duration grace);
    void send(std::span<const std::byte> packet, std::vector<UniqueFd> fds = {});

  private:
    struct Outgoing {
        std::vector<std::byte> packet;
        std::vector<UniqueFd> fds;
    };
    Transfer send_now(std::span<const std::byte> packet, const std::vector<UniqueFd>& fds);
    void send_queued();
    void send_later(Transfer reason);
    void wait_for_packets();
    void receive();
    void handle(std::span<const std::byte> bytes, keeper::ReceivedPacket& packet);
    void tell(keeper::AttemptId id, KeptAttempt& attempt, const keeper::Message& message,
              keeper::ReceivedPacket& packet);
    void acknowledge(keeper::AttemptId id);
    void lose();

    asio::any_io_executor loop_;
    asio::posix::stream_descriptor socket_;
    asio::steady_timer retry_;
    std::map<keeper::AttemptId, std::shared_ptr<KeptAttempt>> attempts_;
    std::deque<Outgoing> queue_;
    std::vector<char> buffer_ = std::vector<char>(64 * 1024);
    std::array<std::byte, keeper::max_packet> incoming_;
    bool lost_ = false;
    std::function<void()> on_lost_;
    bool cgroups_ = false;
};

namespace {

constexpr int packets_a_turn = 64;

keeper::AttemptId keeper_id(engine::AttemptId id) { return {id.run, id.attempt}; }

/// The engine's handle: see engine::Process.
class KeptProcess final : public engine::Process {
  public:
    KeptProcess(std::shared_ptr<KeeperClient::Connection> connection, keeper::AttemptId id,
                std::shared_ptr<KeptAttempt> attempt)
        : connection_(std::move(connection)), id_(id), attempt_(std::move(attempt)) {}
    ~KeptProcess() override { connection_->abandon(id_); }
    KeptProcess(const KeptProcess&) = delete;
    KeptProcess& operator=(const KeptProcess&) = delete;

    pid_t pid() const override { return attempt_->pid(); }
    std::optional<ExitStatus> exit_status() const override { return attempt_->exit_status(); }
    bool gone() const override { return attempt_->gone(); }
    bool lost() const override { return attempt_->lost(); }
    const std::vector<pid_t>& survivors() const override { return attempt_->survivors(); }
    std::uint64_t file_offset(engine::Stream stream) const override {
        return attempt_->file_offset(stream);
    }
    void end(Duration grace) override {
        if (!attempt_->ended() && !attempt_->lost()) connection_->end(id_, grace);
    }

  private:
    std::shared_ptr<KeeperClient::Connection> connection_;
    keeper::AttemptId id_;
    std::shared_ptr<KeptAttempt> attempt_;
};

/// Sees to an attempt whose start() does not come to its end, because it was cancelled.
class StartGuard {
  public:
    StartGuard(std::shared_ptr<KeeperClient::Connection> connection, keeper::AttemptId id)
        : connection_(std::move(connection)), id_(id) {}
    ~StartGuard() {
        if (connection_) connection_->abandon(id_);
    }
    StartGuard(const StartGuard&) = delete;
    StartGuard& operator=(const StartGuard&) = delete;
    void dismiss() { connection_.reset(); }

  private:
    std::shared_ptr<KeeperClient::Connection> connection_;
    keeper::AttemptId id_;
};

/// The packet of a start, and what has to travel as a descriptor.
struct StartPacket {
    std::vector<std::byte> bytes;
    std::vector<UniqueFd> fds;
};

Result<StartPacket> make_start(const engine::LaunchSpec& spec) {
    auto body = encode_launch(spec);
    if (!body) return tl::unexpected(body.error());
    StartPacket packet;
    std::uint16_t flags = 0;
    const auto attach = [&packet](const char* name, std::span<const std::byte> bytes) {
        UniqueFd memory = keeper::make_sealed_memory(name, bytes);
        const bool made = static_cast<bool>(memory);
        if (made) packet.fds.push_back(std::move(memory));
        return made;
    };
    bool made = true;
    if (body->size() > keeper::max_inline_spec) {
        flags |= keeper::flag_spec_in_memfd;
        made = attach("bansuri-start", *body);
        body->clear();
    }
    if (made && spec.standard_input) {
        flags |= keeper::flag_input_in_memfd;
        made = attach("bansuri-stdin", std::as_bytes(std::span(*spec.standard_input)));
    }
    if (!made) {
        return fail(ErrorCode::cannot_start,
                    fmt::format("memfd_create: {}", std::generic_category().message(errno)));
    }
    packet.bytes = keeper::encode_start_packet(keeper_id(spec.id), flags, *body);
    return packet;
}

asio::awaitable<Result<std::unique_ptr<engine::Process>>> start_attempt(
    std::shared_ptr<KeeperClient::Connection> connection, engine::LaunchSpec spec,
    engine::OutputSink* sink, std::function<void()> changed) {
    const keeper::AttemptId id = keeper_id(spec.id);
    if (connection->lost()) co_return fail(ErrorCode::cannot_start, "the keeper is gone");
    if (connection->knows(id)) {
        co_return fail(ErrorCode::cannot_start, "this attempt has been started already");
    }
    auto packet = make_start(spec);
    if (!packet) co_return tl::unexpected(packet.error());

    auto attempt = std::make_shared<KeptAttempt>(connection->loop(), connection->buffer(), *sink,
                                                 std::move(changed));
    connection->add(id, attempt);
    StartGuard guard(connection, id);
    connection->send(packet->bytes, std::move(packet->fds));
    co_await attempt->wait_for_answer();

    if (attempt->has_started()) {
        guard.dismiss();
        attempt->hand_out();
        co_return std::make_unique<KeptProcess>(connection, id, attempt);
    }
    guard.dismiss();
    connection->forget(id);
    if (attempt->refusal()) co_return tl::unexpected(launch_error(spec, *attempt->refusal()));
    co_return fail(ErrorCode::cannot_start, "the keeper is gone");
}

}  // namespace

void KeeperClient::Connection::open() {
    keeper::Hello hello;
    hello.pid = ::getpid();
    send(keeper::encode(MessageType::hello, {}, hello));
    wait_for_packets();
}

void KeeperClient::Connection::close() {
    lose();
    for (const auto& [id, attempt] : attempts_) attempt->abandon();
    attempts_.clear();
}

void KeeperClient::Connection::abandon(keeper::AttemptId id) {
    const auto found = attempts_.find(id);
    if (found == attempts_.end()) return;
    const auto attempt = found->second;
    attempt->abandon();
    if (attempt->ended()) {
        acknowledge(id);
    } else {
        end(id, Duration::zero());
    }
}

void KeeperClient::Connection::end(keeper::AttemptId id, Duration grace) {
    keeper::End end;
    end.grace_us = grace.count();
    send(keeper::encode(MessageType::end, id, end));
}

void KeeperClient::Connection::acknowledge(keeper::AttemptId id) {
    send(keeper::encode(MessageType::ack, id));
    attempts_.erase(id);
}

void KeeperClient::Connection::send(std::span<const std::byte> packet, std::vector<UniqueFd> fds) {
    if (lost_) return;
    Transfer sent = Transfer::would_block;
    if (queue_.empty()) {
        sent = send_now(packet, fds);
        if (sent == Transfer::done) return;
    }
    queue_.push_back({{packet.begin(), packet.end()}, std::move(fds)});
    if (queue_.size() == 1) send_later(sent);
}

Transfer KeeperClient::Connection::send_now(std::span<const std::byte> packet,
                                            const std::vector<UniqueFd>& fds) {
    std::array<int, keeper::max_packet_fds> numbers{};
    for (std::size_t i = 0; i < fds.size(); ++i) numbers[i] = fds[i].get();
    return keeper::send_packet(socket_.native_handle(), packet,
                               std::span(numbers).first(fds.size()));
}

void KeeperClient::Connection::send_queued() {
    while (!lost_ && !queue_.empty()) {
        const Transfer sent = send_now(queue_.front().packet, queue_.front().fds);
        if (sent != Transfer::done) return send_later(sent);
        queue_.pop_front();
    }
}

void KeeperClient::Connection::send_later(Transfer reason) {
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

void KeeperClient::Connection::wait_for_packets() {
    socket_.async_wait(asio::posix::descriptor_base::wait_read,
                       [self = shared_from_this()](error_code error) {
                           if (!error) self->receive();
                       });
}

void KeeperClient::Connection::receive() {
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

void KeeperClient::Connection::handle(std::span<const std::byte> bytes,
                                      keeper::ReceivedPacket& packet) {
    const auto message = keeper::parse_message(bytes);
    if (!message) return lose();
    if (message->header.type == MessageType::hello) {
        const auto hello = keeper::parse_body<keeper::Hello>(*message);
        if (!hello || hello->version != keeper::protocol_version) return lose();
        cgroups_ = hello->containment == keeper::ContainmentKind::cgroups;
        return;
    }
    const auto found = attempts_.find(message->header.id());
    if (found == attempts_.end()) return;
    const auto attempt = found->second;  // a callback may remove it from the map
    tell(message->header.id(), *attempt, *message, packet);
}

void KeeperClient::Connection::tell(keeper::AttemptId id, KeptAttempt& attempt,
                                    const keeper::Message& message,
                                    keeper::ReceivedPacket& packet) {
    switch (message.header.type) {
        case MessageType::started: {
            const auto started = keeper::parse_body<keeper::Started>(message);
            if (!started) return lose();
            const bool output = (started->captured & keeper::captured_output) != 0;
            const bool error = (started->captured & keeper::captured_error) != 0;
            attempt.started(*started, output ? std::move(packet.fds[0]) : UniqueFd(),
                            error ? std::move(packet.fds[output ? 1 : 0]) : UniqueFd());
            break;
        }
        case MessageType::spawn_error: {
            const auto failure = keeper::parse_body<keeper::SpawnError>(message);
            if (!failure) return lose();
            if (attempt.abandoned()) attempts_.erase(id);
            attempt.refused(*failure);
            break;
        }
        case MessageType::exited: {
            const auto exited = keeper::parse_body<keeper::Exited>(message);
            if (!exited) return lose();
            const bool also_gone = (message.header.flags & keeper::flag_also_gone) != 0;
            attempt.exited(exit_status_of(exited->wait_status), also_gone);
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

void KeeperClient::Connection::lose() {
    if (std::exchange(lost_, true)) return;
    queue_.clear();
    retry_.cancel();
    error_code ignored;
    socket_.close(ignored);
    const auto attempts = attempts_;  // a callback may change the map
    for (const auto& [id, attempt] : attempts) attempt->lose();
    if (on_lost_) asio::post(loop_, std::exchange(on_lost_, nullptr));
}

KeeperClient::KeeperClient(asio::any_io_executor loop, UniqueFd socket)
    : connection_(std::make_shared<Connection>(std::move(loop), std::move(socket))) {
    connection_->open();
}

KeeperClient::~KeeperClient() {
    connection_->on_lost(nullptr);
    connection_->close();
}

void KeeperClient::on_lost(std::function<void()> told) { connection_->on_lost(std::move(told)); }

asio::awaitable<Result<std::unique_ptr<engine::Process>>> KeeperClient::start(
    engine::LaunchSpec spec, engine::OutputSink& sink, std::function<void()> changed) {
    return start_attempt(connection_, std::move(spec), &sink, std::move(changed));
}

bool KeeperClient::lost() const { return connection_->lost(); }
bool KeeperClient::uses_cgroups() const { return connection_->uses_cgroups(); }

}  // namespace bansuri::os
