// SPDX-License-Identifier: MIT
//
// What the keeper and the daemon say to each other over their SOCK_SEQPACKET pair: one message a
// packet, a fixed header and a body of fixed layout. Only `start` varies in length, and what
// carries a label; a start that is long travels in a sealed memfd. Both ends run on one machine, so
// numbers are in host order. Everything that arrives is checked here before anybody acts on it
// (fuzz/keeper_protocol_fuzz.cpp).
#pragma once

#include <sys/types.h>

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace bansuri::keeper {

inline constexpr std::uint32_t protocol_magic = 0x4b534e42;  // "BNSK"
inline constexpr std::uint32_t protocol_version = 3;

/// A start spec up to here is the packet's body; a longer one comes in a memfd of at most max_spec.
inline constexpr std::size_t max_inline_spec = 32 * 1024;
inline constexpr std::size_t max_spec = 4 * 1024 * 1024;
inline constexpr std::size_t max_spec_strings = 65536;
inline constexpr std::size_t max_packet = 64 + max_inline_spec;
/// Survivors named in a message; more are only counted.
inline constexpr std::size_t max_survivors = 64;
/// Bytes of the daemon's own that are kept beside an attempt.
inline constexpr std::size_t max_label = 512;
/// Descriptors in one packet.
inline constexpr std::size_t max_packet_fds = 2;

struct AttemptId {
    std::uint64_t run = 0;
    std::uint32_t attempt = 0;
    auto operator<=>(const AttemptId&) const = default;
};

enum class MessageType : std::uint16_t {
    hello = 1,  ///< both ways: Hello
    // daemon to keeper
    start = 16,  ///< a start spec; descriptors: the spec's memfd, the input's memfd (flags)
    end,         ///< End
    signal,      ///< Signal
    /// No body. Of no attempt: answered by an `attempt` for each that is held, without descriptors,
    /// and one `list_end`. Of one: answered by its `attempt` with descriptors, or `spawn_error`
    /// (request, ESRCH). So a list of thousands takes no descriptors, and a daemon fetches those
    /// that it has room for.
    list,
    ack,      ///< no body; a gone attempt is forgotten, its pipes are closed
    leave,    ///< no body; when I end, start no other daemon, end what is left, exit with my code
    replace,  ///< no body; when I end, start the next one at once, from the installed file
    adopt,    ///< Adopt and a label; answered like a start; spawn_error (request, ESRCH): not there
    ending,   ///< no body; if I die before I leave, the next one is to end, as by SIGTERM
    ready,    ///< no body; I have taken over: my program is one that works here
    // keeper to daemon
    started = 32,  ///< Started; descriptors: the read ends of the captured streams
    spawn_error,   ///< SpawnError; the attempt is forgotten
    exited,        ///< Exited
    gone,          ///< Gone
    attempt,       ///< Held and a label; see `list`
    list_end,      ///< no body
};

/// Flags of `start`: which descriptors come along, in this order.
inline constexpr std::uint16_t flag_spec_in_memfd = 1;
inline constexpr std::uint16_t flag_input_in_memfd = 2;
/// Flag of `exited`: nothing was left behind, so no `gone` follows.
inline constexpr std::uint16_t flag_also_gone = 1;
/// Bits of `captured`.
inline constexpr std::uint32_t captured_output = 1;
inline constexpr std::uint32_t captured_error = 2;

struct Header {
    std::uint32_t magic = protocol_magic;
    MessageType type{};
    std::uint16_t flags = 0;
    std::uint32_t length = 0;  ///< of the body
    std::uint32_t attempt = 0;
    std::uint64_t run = 0;

    AttemptId id() const { return {run, attempt}; }
};
static_assert(sizeof(Header) == 24 && std::is_trivially_copyable_v<Header>);

enum class ContainmentKind : std::uint32_t { processes = 0, cgroups = 1 };
/// Controllers of the attempts' cgroups: bits.
inline constexpr std::uint32_t controls_memory = 1;
inline constexpr std::uint32_t controls_processes = 2;
inline constexpr std::uint32_t controls_cpu = 4;

struct Hello {
    std::uint32_t version = protocol_version;
    std::int32_t pid = 0;                                      ///< of the sender
    ContainmentKind containment = ContainmentKind::processes;  ///< keeper's only
    std::uint32_t has_started = 0;  ///< keeper's only: it has ever been asked to start something
    std::uint32_t controllers = 0;  ///< keeper's only
};

/// What an end is for, as the daemon calls it (engine::EndCause). The first one that is not none,
/// of an attempt whose leader runs, is kept.
enum class EndCause : std::uint32_t { none, time_limit, stop };

struct End {
    std::int64_t grace_us = 0;  ///< between SIGTERM and SIGKILL; <= 0: SIGKILL at once
    EndCause cause = EndCause::none;
    std::uint32_t reserved = 0;
};

/// What becomes of the processes that a leader leaves behind when it ends by itself.
enum class Survive : std::uint8_t {
    daemons,  ///< those of its session are ended; those with a session of their own live on
    none,     ///< all are ended
    all,      ///< none is
};

/// An attempt that another keeper started, which is dead.
struct Adopt {
    std::int32_t pid = 0;
    Survive survive = Survive::daemons;
    std::uint8_t reserved[3] = {};
    std::uint64_t start_time = 0;
    // Inodes of the pipes of the captured streams; 0: not captured.
    std::uint64_t output_pipe = 0;
    std::uint64_t error_pipe = 0;
    std::int64_t stop_timeout_us = 0;
};

struct Signal {
    std::int32_t number = 0;  ///< for the leader's process group
};

struct Started {
    std::int32_t pid = 0;
    std::uint32_t captured = 0;
    std::uint64_t start_time = 0;  ///< field 22 of /proc/PID/stat
    // Of a stream that goes to a file: how long the file was when this attempt opened it.
    std::uint64_t output_offset = 0;
    std::uint64_t error_offset = 0;
    // Inodes of the pipes of the captured streams; 0: not captured.
    std::uint64_t output_pipe = 0;
    std::uint64_t error_pipe = 0;
};

/// Which step of a launch failed.
enum class Step : std::uint32_t {
    none,
    request,  ///< EBADMSG: not understood; EEXIST: known already; EAGAIN: too many alive;
              ///< ESRCH: no such attempt or process
    pipe,
    clone,
    cgroup,
    session,
    limit,  ///< detail: the resource
    priority,
    ownership,  ///< of the pipes, for the user
    groups,     ///< setgroups
    group,      ///< setresgid
    user,       ///< setresuid
    identity,   ///< it is not what was asked for, or root can be had back
    working_directory,
    standard_input,
    standard_output,
    standard_error,
    program,
    step_count  ///< not a step
};

struct SpawnError {
    Step step = Step::none;
    std::int32_t error = 0;  ///< an errno
    std::uint32_t detail = 0;
};

/// What getrusage(2) tells of the leader and the descendants that it waited for.
struct Usage {
    std::int64_t user_us = 0;
    std::int64_t system_us = 0;
    std::int64_t max_rss_kib = 0;
    std::int64_t blocks_in = 0;
    std::int64_t blocks_out = 0;
    std::int64_t voluntary_switches = 0;
    std::int64_t involuntary_switches = 0;
};

struct Exited {
    std::int32_t wait_status = 0;  ///< as wait(2) encodes it
    /// Not 0: an adopted leader's status could not be learned, and wait_status means nothing.
    std::uint32_t status_unknown = 0;
    EndCause cause = EndCause::none;
    std::uint32_t out_of_memory = 0;  ///< not 0: the kernel killed some of it for want of memory
    Usage usage;                      ///< zeros for an adopted leader
};

struct Gone {
    std::uint32_t survivors = 0;  ///< how many there are
    std::array<std::int32_t, max_survivors> pids{};

    std::span<const std::int32_t> named() const {
        return std::span(pids).first(survivors < pids.size() ? survivors : pids.size());
    }
};

enum class AttemptState : std::uint32_t { running, ended, gone };

/// One attempt as `list` shows it. Its label follows.
struct Held {
    AttemptState state = AttemptState::running;
    EndCause cause = EndCause::none;
    Started started;
    Exited exited;  ///< unless running
    Gone gone;      ///< when gone
    std::uint32_t padding = 0;
};
static_assert(std::has_unique_object_representations_v<Held>);
static_assert(std::has_unique_object_representations_v<Adopt>);

/// A message as it lies in a packet: header checked, body not yet looked at.
struct Message {
    Header header;
    std::span<const std::byte> body;
};

/// Nothing if it is too short, too long, of another magic or not of the length that it states.
std::optional<Message> parse_message(std::span<const std::byte> packet);

/// A body of fixed layout; nothing if the length is another.
template <class Body>
std::optional<Body> parse_body(const Message& message) {
    static_assert(std::is_trivially_copyable_v<Body>);
    if (message.body.size() != sizeof(Body)) return std::nullopt;
    Body body;
    std::memcpy(&body, message.body.data(), sizeof(Body));
    return body;
}

/// A body of fixed layout with a label behind it.
template <class Body>
struct Labelled {
    Body body;
    std::string_view label;  ///< lies in the message
};
template <class Body>
std::optional<Labelled<Body>> parse_labelled(const Message& message) {
    static_assert(std::is_trivially_copyable_v<Body>);
    if (message.body.size() < sizeof(Body) || message.body.size() > sizeof(Body) + max_label) {
        return std::nullopt;
    }
    Labelled<Body> parsed;
    std::memcpy(&parsed.body, message.body.data(), sizeof(Body));
    const auto label = message.body.subspan(sizeof(Body));
    parsed.label = {reinterpret_cast<const char*>(label.data()), label.size()};
    return parsed;
}

/// A message without a body.
std::array<std::byte, sizeof(Header)> encode(MessageType type, AttemptId id);

/// A message with a body of fixed layout.
template <class Body>
std::array<std::byte, sizeof(Header) + sizeof(Body)> encode(MessageType type, AttemptId id,
                                                            const Body& body,
                                                            std::uint16_t flags = 0) {
    static_assert(std::is_trivially_copyable_v<Body>);
    Header header;
    header.type = type;
    header.flags = flags;
    header.length = sizeof(Body);
    header.attempt = id.attempt;
    header.run = id.run;
    std::array<std::byte, sizeof(Header) + sizeof(Body)> packet;
    std::memcpy(packet.data(), &header, sizeof(Header));
    std::memcpy(packet.data() + sizeof(Header), &body, sizeof(Body));
    return packet;
}

/// A message whose body ends with a label; it needs no memory but its own.
template <class Body>
class LabelledPacket {
  public:
    LabelledPacket(MessageType type, AttemptId id, const Body& body, std::string_view label) {
        label = label.substr(0, max_label);
        Header header;
        header.type = type;
        header.length = static_cast<std::uint32_t>(sizeof(Body) + label.size());
        header.attempt = id.attempt;
        header.run = id.run;
        std::memcpy(packet_.data(), &header, sizeof(Header));
        std::memcpy(packet_.data() + sizeof(Header), &body, sizeof(Body));
        if (!label.empty()) {
            std::memcpy(packet_.data() + sizeof(Header) + sizeof(Body), label.data(), label.size());
        }
        size_ = sizeof(Header) + header.length;
    }
    std::span<const std::byte> bytes() const { return std::span(packet_).first(size_); }

  private:
    std::array<std::byte, sizeof(Header) + sizeof(Body) + max_label> packet_;
    std::size_t size_ = 0;
};

}  // namespace bansuri::keeper
