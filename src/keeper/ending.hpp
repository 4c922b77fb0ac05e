// SPDX-License-Identifier: MIT
//
// How attempts come to their end: what is sent SIGTERM, what is sent SIGKILL and when, until
// nothing is left that has to end. docs/processes.md tells the rules.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "keeper/attempt_table.hpp"
#include "keeper/containment.hpp"

namespace bansuri::keeper {

class Ending {
  public:
    Ending(AttemptTable& attempts, Containment& containment)
        : attempts_(attempts), containment_(containment) {}

    /// Ends all of the attempt: SIGTERM now, SIGKILL after `grace`. A later call can only make it
    /// sooner.
    void end(Attempt& attempt, std::chrono::nanoseconds grace, EndCause cause = EndCause::none);
    /// The leader is a zombie: reaps it, and sees to what it left behind.
    void leader_ended(Attempt& attempt);
    /// An adopted leader is dead, and others reap it. Nothing: how it ended is not known.
    void leader_ended(Attempt& attempt, std::optional<int> status);
    /// Something died that was not a leader: those who wait may have nothing left to wait for.
    void orphans_died();
    /// Does what is due.
    void work();
    /// When work() has to be called next.
    BootTime next_due() const;

  private:
    void see_to_leftovers(Attempt& attempt);
    void look_after(Attempt& attempt, BootTime now);
    void look_later(Attempt& attempt, BootTime now, bool kill);
    void end_unseen(Attempt& attempt, BootTime now, bool kill);
    static void notify(Attempt& attempt, const std::vector<ProcessInfo>& doomed);
    // A leader is signalled in any case, whatever a look shows, and takes no descriptor.
    static void notify_leader(Attempt& attempt);
    static void kill_leader(const Attempt& attempt);
    static void signal_leader(const Attempt& attempt, int number);
    static void kill_all(Attempt& attempt, const std::vector<ProcessInfo>& doomed);
    void finish(Attempt& attempt, const std::vector<ProcessInfo>& survivors);

    AttemptTable& attempts_;
    Containment& containment_;
    /// A look at /proc costs time that belongs to others: not before this.
    BootTime next_look_ = BootTime::zero();
};

}  // namespace bansuri::keeper
