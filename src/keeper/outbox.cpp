// SPDX-License-Identifier: MIT
#include "keeper/outbox.hpp"

namespace bansuri::keeper {
namespace {

constexpr int max_messages_a_turn = 128;

}  // namespace

void Outbox::mute() {
    muted_ = true;
    hello_.reset();
    refusal_count_ = 0;
    listing_ = false;
    list_from_ = nullptr;
}

void Outbox::close() {
    mute();
    socket_.reset();
}

void Outbox::connect(UniqueFd socket) {
    close();
    while (Attempt* const owing = attempts_.queue_front()) {
        owing->owes_started = owing->owes_exited = owing->owes_gone = owing->owes_pipes = false;
        attempts_.pop_queue();
    }
    socket_ = std::move(socket);
    muted_ = false;
}

void Outbox::refuse(AttemptId id, SpawnError error) {
    if (muted_) return;
    refusals_[(refusal_next_ + refusal_count_) % refusals_.size()] = {id, error};
    ++refusal_count_;
}

void Outbox::forget(Attempt& attempt) {
    if (list_from_ == &attempt) list_from_ = attempts_.after(attempt.id);
}

Outbox::Flushed Outbox::flush() {
    if (!open() || muted_) return Flushed::all;
    for (int i = 0; i < max_messages_a_turn; ++i) {
        bool idle = false;
        switch (flush_one(idle)) {
            case Transfer::done:
                if (idle) return Flushed::all;
                break;
            case Transfer::would_block: return Flushed::blocked;
            case Transfer::exhausted: return Flushed::exhausted;
            case Transfer::closed:
            case Transfer::failed: return Flushed::closed;
        }
    }
    return Flushed::more;
}

Transfer Outbox::flush_one(bool& idle) {
    if (hello_) {
        const Transfer sent =
            send_packet(socket_.get(), encode(MessageType::hello, AttemptId{}, *hello_));
        if (sent == Transfer::done) hello_.reset();
        return sent;
    }
    if (refusal_count_ > 0) {
        const Refusal& refusal = refusals_[refusal_next_];
        const Transfer sent =
            send_packet(socket_.get(), encode(MessageType::spawn_error, refusal.id, refusal.error));
        if (sent == Transfer::done) {
            refusal_next_ = (refusal_next_ + 1) % refusals_.size();
            --refusal_count_;
        }
        return sent;
    }
    if (Attempt* const attempt = attempts_.queue_front()) {
        const Transfer sent = send_next(*attempt);
        if (sent == Transfer::done && !attempt->owes()) attempts_.pop_queue();
        return sent;
    }
    if (!listing_) {
        idle = true;
        return Transfer::done;
    }
    if (list_from_ == nullptr) {
        const Transfer sent =
            send_packet(socket_.get(), encode(MessageType::list_end, AttemptId{}));
        listing_ = sent != Transfer::done;
        return sent;
    }
    // The queue is empty: all that was owed of it has been sent, so this never runs ahead.
    const Attempt& shown = *list_from_;
    const Transfer sent = send_held(shown, false);
    if (sent == Transfer::done) list_from_ = attempts_.after(shown.id);
    return sent;
}

Transfer Outbox::send_next(Attempt& attempt) {
    Transfer sent = Transfer::done;
    if (attempt.owes_started) {
        sent = send_with_pipes(attempt, encode(MessageType::started, attempt.id, attempt.started));
        attempt.owes_started = sent != Transfer::done;
    } else if (attempt.owes_exited) {
        // Most attempts leave nothing behind: one packet says it all.
        const bool also_gone = attempt.owes_gone && attempt.gone.survivors == 0;
        sent = send_packet(socket_.get(), encode(MessageType::exited, attempt.id, attempt.exited,
                                                 also_gone ? flag_also_gone : std::uint16_t{0}));
        if (sent == Transfer::done) {
            attempt.owes_exited = false;
            if (also_gone) attempt.owes_gone = false;
        }
    } else if (attempt.owes_gone) {
        sent = send_packet(socket_.get(), encode(MessageType::gone, attempt.id, attempt.gone));
        attempt.owes_gone = sent != Transfer::done;
    } else if (attempt.owes_pipes) {
        sent = send_held(attempt, true);
        attempt.owes_pipes = sent != Transfer::done;
    }
    return sent;
}

Transfer Outbox::send_held(const Attempt& attempt, bool with_pipes) const {
    Held held;
    held.state = attempt.state;
    held.cause = attempt.cause;
    held.started = attempt.started;
    held.exited = attempt.exited;
    held.gone = attempt.gone;
    const LabelledPacket packet(MessageType::attempt, attempt.id, held, attempt.label);
    return with_pipes ? send_with_pipes(attempt, packet.bytes())
                      : send_packet(socket_.get(), packet.bytes());
}

Transfer Outbox::send_with_pipes(const Attempt& attempt, std::span<const std::byte> packet) const {
    std::array<int, max_packet_fds> fds{};
    std::size_t count = 0;
    if (attempt.output) fds[count++] = attempt.output.get();
    if (attempt.error) fds[count++] = attempt.error.get();
    return send_packet(socket_.get(), packet, std::span(fds).first(count));
}

}  // namespace bansuri::keeper
