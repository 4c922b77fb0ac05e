// SPDX-License-Identifier: MIT
//
// From a `start` message to an attempt with a process: what is checked, made and given back.
#pragma once

#include "keeper/attempt_table.hpp"
#include "keeper/containment.hpp"
#include "keeper/launcher.hpp"
#include "keeper/packet_socket.hpp"
#include "keeper/start_spec.hpp"

namespace bansuri::keeper {

class Starter {
  public:
    Starter(AttemptTable& attempts, Containment& containment, Launcher::Inherited inherited,
            bool use_clone3)
        : attempts_(attempts), containment_(containment), launcher_(inherited, use_clone3) {}

    /// Step::none: it has been started, and owes `started`. Else no process is left of it, but the
    /// attempt may be in the table. The id must not be known yet. Throws std::bad_alloc likewise.
    SpawnError start(const Message& message, ReceivedPacket& packet);

  private:
    SpawnError launch(Attempt& attempt, const StartSpec& spec, int input);

    AttemptTable& attempts_;
    Containment& containment_;
    Launcher launcher_;
};

/// As a message may ask for it, within 0 and 35 years.
std::chrono::microseconds bounded(std::int64_t microseconds);

}  // namespace bansuri::keeper
