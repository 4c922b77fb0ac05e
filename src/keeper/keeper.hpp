// SPDX-License-Identifier: MIT
//
// The keeper: the parent of every attempt, in one thread and one loop. It starts, signals and reaps
// what the daemon asks for, holds the read ends of the pipes, and never waits for the daemon.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <span>

#include "keeper/adoption.hpp"
#include "keeper/attempt_table.hpp"
#include "keeper/containment.hpp"
#include "keeper/ending.hpp"
#include "keeper/launcher.hpp"
#include "keeper/outbox.hpp"
#include "keeper/packet_socket.hpp"
#include "keeper/pipe.hpp"
#include "keeper/poll_tag.hpp"
#include "keeper/starter.hpp"
#include "keeper/supervisor.hpp"

namespace bansuri::keeper {

struct Options {
    bool use_cgroups = true;  ///< false: processes are always found by way of /proc
    bool use_clone3 = true;   ///< false: as on a kernel that lacks it
    std::size_t max_attempts = 32768;
    /// A daemon that ends without having said `leave` is started again, and tasks run on meanwhile.
    /// false: they are ended when it ends.
    bool restart = false;
    Backoff backoff = {};
};

class Keeper {
  public:
    /// Serves the daemon at the other end of `socket` until that is closed. The process must have
    /// been prepared (process_setup.hpp). Throws std::system_error where the kernel refuses what it
    /// needs to begin; afterwards nothing ends it early.
    Keeper(UniqueFd socket, Launcher::Inherited inherited, Options options);
    /// Starts daemons, serves them and passes signals on to them, until one has ended for good.
    Keeper(Supervisor supervisor, Launcher::Inherited inherited, Options options);

    /// Returns once that is so and no attempt is left. The result is the daemon's exit code (0
    /// without a supervisor).
    int run();

  private:
    void turn();
    void take_event(PollTag tag, bool& requests, bool& children);
    void arm_timer();
    void watch_socket(bool known);

    void read_signals();
    void reap();
    void start_daemon();
    void daemon_ended();
    void hang_up();
    void close_down();
    void flush();

    void receive();
    void handle(std::span<const std::byte> bytes, ReceivedPacket& packet);
    SpawnError take_in(const Message& message, ReceivedPacket& packet);
    void signal(Attempt& attempt, int number);
    void acknowledge(Attempt& attempt);
    void discard(Attempt& attempt);
    bool finished() const;

    Options options_;
    std::optional<Supervisor> supervisor_;
    UniqueFd epoll_;
    UniqueFd signals_;
    UniqueFd timer_;
    AttemptTable attempts_;
    Containment containment_;
    Ending ending_;
    Outbox outbox_;
    Starter starter_;
    Adoption adoption_;
    Drain drain_;
    bool last_words_ = false;  ///< the daemon is dead, and what it has said is still to be read
    bool closing_ = false;     ///< no daemon follows
    bool has_started_ = false;
    bool want_write_ = false;
    bool reading_ = true;
    bool reap_more_ = false;
    bool more_to_do_ = false;  ///< the next turn must not wait
    BootTime retry_at_ = never;
    BootTime give_up_at_ = never;
};

}  // namespace bansuri::keeper
