// SPDX-License-Identifier: MIT
#include "os/keeper_client.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <system_error>
#include <vector>

#include "keeper/protocol.hpp"
#include "keeper/sealed_memory.hpp"
#include "keeper/start_spec.hpp"
#include "os/enforcement.hpp"
#include "os/keeper_connection.hpp"
#include "os/kept_attempt.hpp"
#include "os/launch_message.hpp"

namespace bansuri::os {

namespace asio = boost::asio;
using keeper::MessageType;
using keeper::UniqueFd;

namespace {

keeper::AttemptId keeper_id(engine::AttemptId id) { return {id.run, id.attempt}; }

/// The engine's handle: see engine::Process.
class KeptProcess final : public engine::Process {
  public:
    KeptProcess(std::shared_ptr<KeeperConnection> connection, keeper::AttemptId id,
                std::shared_ptr<KeptAttempt> attempt)
        : connection_(std::move(connection)), id_(id), attempt_(std::move(attempt)) {}
    ~KeptProcess() override { connection_->abandon(id_); }
    KeptProcess(const KeptProcess&) = delete;
    KeptProcess& operator=(const KeptProcess&) = delete;

    pid_t pid() const override { return attempt_->pid(); }
    engine::ProcessIdentity identity() const override { return attempt_->identity(); }
    engine::EndCause end_cause() const override { return translate(attempt_->end_cause()); }
    std::optional<ExitStatus> exit_status() const override { return attempt_->exit_status(); }
    bool gone() const override { return attempt_->gone(); }
    bool lost() const override { return attempt_->lost(); }
    const std::vector<pid_t>& survivors() const override { return attempt_->survivors(); }
    std::uint64_t file_offset(engine::Stream stream) const override {
        return attempt_->file_offset(stream);
    }
    void end(Duration grace, engine::EndCause cause) override {
        if (attempt_->ended() || attempt_->lost()) return;
        attempt_->ending(translate(cause));
        connection_->end(id_, grace, translate(cause));
    }

  private:
    std::shared_ptr<KeeperConnection> connection_;
    keeper::AttemptId id_;
    std::shared_ptr<KeptAttempt> attempt_;
};

/// Sees to an attempt whose start() does not come to its end, because it was cancelled.
class StartGuard {
  public:
    StartGuard(std::shared_ptr<KeeperConnection> connection, keeper::AttemptId id)
        : connection_(std::move(connection)), id_(id) {}
    ~StartGuard() {
        if (connection_) connection_->abandon(id_);
    }
    StartGuard(const StartGuard&) = delete;
    StartGuard& operator=(const StartGuard&) = delete;
    void dismiss() { connection_.reset(); }

  private:
    std::shared_ptr<KeeperConnection> connection_;
    keeper::AttemptId id_;
};

/// The packet of a start, and what has to travel as a descriptor.
struct StartPacket {
    std::vector<std::byte> bytes;
    std::vector<UniqueFd> fds;
};

Result<StartPacket> make_start(const engine::LaunchSpec& spec, std::uint32_t controllers) {
    auto body = encode_launch(spec, controllers);
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
    std::shared_ptr<KeeperConnection> connection, engine::LaunchSpec spec, engine::OutputSink* sink,
    std::function<void()> changed) {
    const keeper::AttemptId id = keeper_id(spec.id);
    if (connection->lost()) co_return fail(ErrorCode::unreachable, "the keeper is gone");
    if (connection->knows(id)) {
        co_return fail(ErrorCode::cannot_start, "this attempt has been started already");
    }
    auto packet = make_start(spec, connection->controllers());
    if (!packet) co_return tl::unexpected(packet.error());

    auto attempt = std::make_shared<KeptAttempt>(connection->loop(), connection->buffer(), sink,
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
    co_return fail(ErrorCode::unreachable, "the keeper is gone");
}

asio::awaitable<std::vector<engine::HeldAttempt>> list_attempts(
    std::shared_ptr<KeeperConnection> connection) {
    co_await connection->list();
    std::vector<engine::HeldAttempt> held;
    if (connection->lost()) co_return held;
    held.reserve(connection->waiting().size());
    for (const auto& [id, waiting] : connection->waiting()) {
        held.push_back({{id.run, id.attempt}, connection->attempt(id)->identity(), waiting.label});
    }
    co_return held;
}

asio::awaitable<Result<void>> adopt_attempt(std::shared_ptr<KeeperConnection> connection,
                                            engine::AdoptSpec spec) {
    const keeper::AttemptId id = keeper_id(spec.id);
    if (connection->lost()) co_return fail(ErrorCode::unreachable, "the keeper is gone");
    if (connection->knows(id)) {
        co_return fail(ErrorCode::already_claimed, "the keeper holds this attempt already");
    }
    if (spec.label.size() > keeper::max_label) {
        co_return fail(ErrorCode::io, "the label of the attempt is too long");
    }
    auto attempt =
        std::make_shared<KeptAttempt>(connection->loop(), connection->buffer(), nullptr, nullptr);
    connection->add(id, attempt);
    // At once, so that a cancellation leaves it as one that may be taken over: nothing ends it.
    connection->wait_for_take_over(id, spec.label);
    const keeper::LabelledPacket packet(MessageType::adopt, id, adopt_body(spec), spec.label);
    connection->send(packet.bytes());
    co_await attempt->wait_for_answer();
    if (attempt->has_started()) co_return Result<void>{};
    connection->forget(id);
    if (!attempt->refusal()) co_return fail(ErrorCode::unreachable, "the keeper is gone");
    co_return tl::unexpected(adopt_error(spec, *attempt->refusal()));
}

}  // namespace

KeeperClient::KeeperClient(asio::any_io_executor loop, UniqueFd socket)
    : connection_(std::make_shared<KeeperConnection>(std::move(loop), std::move(socket))) {
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

asio::awaitable<std::vector<engine::HeldAttempt>> KeeperClient::held() {
    return list_attempts(connection_);
}

std::unique_ptr<engine::Process> KeeperClient::take_over(engine::AttemptId id,
                                                         engine::OutputSink& sink,
                                                         std::function<void()> changed) {
    const auto attempt = connection_->take(keeper_id(id));
    if (!attempt) return nullptr;
    if (attempt->take_over(sink, std::move(changed))) connection_->fetch_pipes(keeper_id(id));
    return std::make_unique<KeptProcess>(connection_, keeper_id(id), attempt);
}

asio::awaitable<Result<void>> KeeperClient::adopt(engine::AdoptSpec spec) {
    return adopt_attempt(connection_, std::move(spec));
}

bool KeeperClient::leave() { return connection_->send_now_or_never(MessageType::leave); }

bool KeeperClient::replace() {
    if (!connection_->send_now_or_never(MessageType::replace)) return false;
    connection_->detach();
    return true;
}

void KeeperClient::ending() { connection_->send(keeper::encode(MessageType::ending, {})); }

void KeeperClient::ready() { connection_->send(keeper::encode(MessageType::ready, {})); }

void KeeperClient::detach() { connection_->detach(); }

bool KeeperClient::lost() const { return connection_->lost(); }
std::vector<std::string> KeeperClient::shortcomings(const Isolation& isolation) const {
    const bool as_root = isolation.user.empty() ? ::geteuid() == 0
                                                : isolation.user == "root" || isolation.user == "0";
    return enforce(isolation.limits, connection_->controllers(), as_root).shortcomings;
}

bool KeeperClient::uses_cgroups() const { return connection_->uses_cgroups(); }
bool KeeperClient::has_started() const { return connection_->has_started(); }

}  // namespace bansuri::os
