// SPDX-License-Identifier: MIT
//
// The engine's words for a launch, in the keeper's, and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/result.hpp"
#include "engine/process_launcher.hpp"
#include "keeper/protocol.hpp"

namespace bansuri::os {

/// The start spec as the keeper reads it. The error (cannot_start) tells what of it cannot be
/// passed to a program at all: a NUL in a string, or more than the keeper takes. `controllers`:
/// bits of the keeper's Hello.
Result<std::vector<std::byte>> encode_launch(const engine::LaunchSpec& spec,
                                             std::uint32_t controllers);

/// What the keeper's refusal means to a person (cannot_start): step, object, cause, remedy.
Error launch_error(const engine::LaunchSpec& spec, const keeper::SpawnError& failure);

/// The adoption as the keeper reads it; the label is not part of it.
keeper::Adopt adopt_body(const engine::AdoptSpec& spec);

/// What the keeper's refusal means to a person: not_found if there is no such process any more.
Error adopt_error(const engine::AdoptSpec& spec, const keeper::SpawnError& failure);

keeper::EndCause translate(engine::EndCause cause);
engine::EndCause translate(keeper::EndCause cause);
ExitStatus exit_status_of(int wait_status);

}  // namespace bansuri::os
