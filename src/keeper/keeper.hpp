// SPDX-License-Identifier: MIT
//
// The keeper: the parent of every attempt, in one thread and one loop. It starts, signals and reaps
// what the daemon asks for, holds the read ends of the pipes, and never waits for the daemon.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <vector>

#include "keeper/attempt_table.hpp"
#include "keeper/containment.hpp"
#include "keeper/ending.hpp"
#include "keeper/launcher.hpp"
#include "keeper/outbox.hpp"
#include "keeper/packet_socket.hpp"
#include "keeper/start_spec.hpp"

namespace bansuri::keeper {

struct Options {
    bool use_cgroups = true;  ///< false: processes are always found by way of /proc
    bool use_clone3 = true;   ///< false: as on a kernel that lacks it
    std::size_t max_attempts = 32768;
};

class Keeper {
  public:
    /// Serves the daemon at the other end of `socket`. With a `daemon` (a child of ours) it goes on
    /// until that has ended, and passes signals on to it; without (-1), until the socket is closed.
    /// The process must have been prepared. Throws std::system_error where the kernel refuses what
    /// it needs to begin; afterwards nothing ends it early.
    Keeper(UniqueFd socket, pid_t daemon, Launcher::Inherited inherited, Options options);

    /// Returns once the daemon has ended and no attempt is left. The result is the wait status of
    /// the daemon (0 without one).
    int run();

  private:
    void turn();
    void arm_timer();
    void watch(int fd, std::uint32_t events, std::uint64_t tag, bool known = false);
    void watch_socket();

    void read_signals();
    void reap();
    void daemon_gone();
    void flush();

    void receive();
    void handle(std::span<const std::byte> bytes, ReceivedPacket& packet);
    SpawnError start(const Message& message, ReceivedPacket& packet);
    SpawnError launch(Attempt& attempt, const StartSpec& spec, int input);
    void acknowledge(Attempt& attempt);

    void keep_draining(UniqueFd pipe);
    void drain(int pipe);
    bool finished() const;

    Options options_;
    pid_t daemon_;
    int daemon_status_ = 0;
    AttemptTable attempts_;
    Containment containment_;
    Ending ending_;
    Outbox outbox_;
    Launcher launcher_;
    UniqueFd epoll_;
    UniqueFd signals_;
    UniqueFd timer_;
    std::vector<UniqueFd> draining_;  ///< pipes that survivors of forgotten attempts still write to
    bool closing_ = false;            ///< the daemon is gone
    bool want_write_ = false;
    bool reading_ = true;
    bool reap_more_ = false;
    bool more_to_do_ = false;  ///< the next turn must not wait
    BootTime retry_at_ = never;
    BootTime give_up_at_ = never;
};

}  // namespace bansuri::keeper
