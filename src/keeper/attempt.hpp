// SPDX-License-Identifier: MIT
//
// One attempt as the keeper holds it, from before its process exists until the daemon has said that
// it knows how it ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "keeper/cgroup_pool.hpp"
#include "keeper/protocol.hpp"
#include "keeper/start_spec.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {

/// CLOCK_BOOTTIME: a grace period goes on while the machine sleeps.
using BootTime = std::chrono::nanoseconds;
inline constexpr BootTime never = BootTime::max();

/// Which processes of an attempt have to end.
enum class Scope : std::uint8_t {
    nothing,
    session,     ///< those of the leader's session or process group
    everything,  ///< all that it ever started
};

struct Attempt {
    AttemptId id;
    Survive survive = Survive::daemons;
    std::chrono::nanoseconds stop_timeout{};
    std::optional<CgroupPool::Leaf> cgroup;  ///< none: its processes are found in /proc
    bool moved = false;                      ///< its leader has left the cgroup: in /proc as well
    std::string label;                       ///< the daemon's, at most max_label bytes
    /// Of an adopted leader, which is not our child: nobody tells us of its end, and its number is
    /// not sure to stay its own once it has ended.
    UniqueFd pidfd;
    BootTime status_by = never;  ///< adopted and dead: how long its status is waited for

    /// The keeper's own read ends, held until ack so that another daemon can go on reading.
    UniqueFd output;
    UniqueFd error;

    AttemptState state = AttemptState::running;  ///< running until the leader has been reaped
    Started started;
    Exited exited;
    Gone gone;

    EndCause cause = EndCause::none;
    Scope ending = Scope::nothing;    ///< what has to end
    Scope notified = Scope::nothing;  ///< what has been sent SIGTERM
    bool leader_notified = false;     ///< the leader itself has
    BootTime kill_at = never;
    BootTime check_at = never;
    unsigned checks = 0;  ///< looks taken so far: they become rarer
    unsigned stops = 0;   ///< rounds of SIGSTOP before SIGKILL
    /// Something other than the leader was found in /proc by the last look that found anything.
    bool has_forked = false;

    // What the daemon has not been told yet, in this order.
    bool owes_started = false;
    bool owes_exited = false;
    bool owes_gone = false;
    bool owes_pipes = false;  ///< it was asked for by itself
    bool queued = false;      ///< in the queue of those that owe something
    Attempt* next_queued = nullptr;

    pid_t leader() const { return started.pid; }
    bool leader_alive() const { return state == AttemptState::running; }
    bool adopted() const { return static_cast<bool>(pidfd); }
    bool owes() const { return owes_started || owes_exited || owes_gone || owes_pipes; }
};

}  // namespace bansuri::keeper
