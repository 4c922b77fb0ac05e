// SPDX-License-Identifier: MIT
//
// What the keeper owes the daemon. Nothing is queued as a message: each attempt carries flags of
// what is still to be told about it, so a daemon that does not read costs no memory and loses
// nothing. What one daemon was not told any more, the next one learns by `list`, which shows each
// attempt as it stands.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "keeper/attempt_table.hpp"
#include "keeper/packet_socket.hpp"
#include "keeper/protocol.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {

class Outbox {
  public:
    Outbox(UniqueFd socket, AttemptTable& attempts)
        : socket_(std::move(socket)), attempts_(attempts) {}

    int socket() const { return socket_.get(); }
    bool open() const { return static_cast<bool>(socket_); }
    /// The daemon is dead: nothing is sent any more, but what it has said can still be received.
    void mute();
    void close();
    /// Another daemon. Of what was before it is told nothing but what it asks for by `list`.
    void connect(UniqueFd socket);

    void hello(const Hello& hello) { hello_ = hello; }
    void list() {
        list_from_ = attempts_.first();
        listing_ = !muted_;
    }
    /// Shows one attempt, with its pipes.
    void show(Attempt& attempt) {
        attempt.owes_pipes = true;
        attempts_.enqueue(attempt);
    }
    /// A start that came to nothing, so that there is no attempt to carry it. Needs room.
    void refuse(AttemptId id, SpawnError error);
    /// While there is none, no request must be read: that is the only queue, and it is bounded.
    bool has_room() const { return refusal_count_ < refusals_.size(); }
    /// Must be called before the attempt is erased.
    void forget(Attempt& attempt);

    enum class Flushed {
        all,
        blocked,    ///< go on when the socket is writable
        exhausted,  ///< go on after a while
        more,       ///< go on in the next turn: others want theirs too
        closed,
    };
    Flushed flush();

  private:
    struct Refusal {
        AttemptId id;
        SpawnError error;
    };
    Transfer flush_one(bool& idle);
    Transfer send_next(Attempt& attempt);
    Transfer send_held(const Attempt& attempt, bool with_pipes) const;
    Transfer send_with_pipes(const Attempt& attempt, std::span<const std::byte> packet) const;

    UniqueFd socket_;
    AttemptTable& attempts_;
    std::optional<Hello> hello_;
    std::array<Refusal, 64> refusals_{};
    std::size_t refusal_count_ = 0;
    std::size_t refusal_next_ = 0;
    bool listing_ = false;
    bool muted_ = false;
    Attempt* list_from_ = nullptr;  ///< the next one to be shown
};

}  // namespace bansuri::keeper
