// SPDX-License-Identifier: MIT
//
// Attempts that another keeper started and left behind when it died: they are taken in if they are
// who they should be, and their end is seen through a pidfd, for they are no children of ours.
#pragma once

#include "keeper/attempt_table.hpp"
#include "keeper/containment.hpp"
#include "keeper/ending.hpp"
#include "keeper/protocol.hpp"

namespace bansuri::keeper {

class Adoption {
  public:
    Adoption(AttemptTable& attempts, Containment& containment, Ending& ending, int epoll)
        : attempts_(attempts), containment_(containment), ending_(ending), epoll_(epoll) {}

    /// Step::none: it is held, and owes `started`, with those of its pipes that were found again.
    /// Else the attempt may be in the table, and the process was not touched. (request, ESRCH): no
    /// such process, or another one by that number; any other error says nothing of that. The id
    /// must not be known yet. Throws std::bad_alloc likewise.
    SpawnError adopt(const Message& message);

    /// The pidfd of an adopted leader has something to tell.
    void leader_event(int pidfd);
    /// Gives up what was waited for long enough.
    void work();
    /// When work() has to be called next.
    BootTime next_due() const;

  private:
    /// A pidfd, for which others give up what they need less. None with errno.
    UniqueFd pin(pid_t pid);
    /// Of an adopted attempt: its cgroup, or else its pipes. False if nobody has any.
    bool give_up_something();
    void find_pipes(Attempt& attempt);
    void leader_died(Attempt& attempt);

    AttemptTable& attempts_;
    Containment& containment_;
    Ending& ending_;
    int epoll_;
};

}  // namespace bansuri::keeper
