// SPDX-License-Identifier: MIT
//
// Attempts that an earlier daemon started and nobody waits for: those whose end is recorded
// already, and messages that were being sent. They come to their end, and the keeper forgets them.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "engine/services.hpp"

namespace bansuri::engine {

/// Resumes when the keeper has been told to forget it: at once if it has ended, and at the latest
/// after `patience`, when it is killed.
boost::asio::awaitable<void> release(Services& services, AttemptId attempt, Duration patience);

}  // namespace bansuri::engine
