// SPDX-License-Identifier: MIT
//
// Where a Bansuri keeps its state. The daemon and whoever wants to talk to it must come to the same
// answer, so there is one function for both.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/result.hpp"

namespace bansuri {

/// The value of an environment variable; empty if it is not set.
using Variables = std::function<std::string(const char* name)>;

/// The first of: `option`; $BANSURI_STATE; $STATE_DIRECTORY (systemd; the first of its list);
/// /var/lib/bansuri for root; $XDG_STATE_HOME/bansuri; ~/.local/state/bansuri. Empty values count
/// as not given, and a relative $XDG_STATE_HOME as none (XDG Base Directory Specification). The
/// error (usage) says what to set when nothing is left.
Result<std::string> state_directory(const std::optional<std::string>& option,
                                    const Variables& variables, bool is_root);

/// The name of the daemon's socket in it.
inline constexpr const char* socket_name = "bansuri.sock";

}  // namespace bansuri
