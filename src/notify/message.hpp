// SPDX-License-Identifier: MIT
//
// The text of a notification, as docs/notification.md describes it.
#pragma once

#include <string>

#include "core/time_zone.hpp"
#include "engine/notifier.hpp"

namespace bansuri::notify {

/// Kept of each stream.
inline constexpr std::size_t tail_limit = 64 * 1024;

/// Replaces an excerpt that lies in a file by its bytes: at most tail_limit of them, from `offset`
/// on. A file that cannot be read, or is none, becomes a line that says so. Blocks for as long as
/// the disk does.
void read_excerpt(engine::OutputExcerpt& excerpt);

/// The message. Control characters are escaped, and a line that begins with "~" gets a blank before
/// it, because mail(1) would take it for a command.
std::string render_message(const engine::FailureInfo& info, const TimeZone& zone);

/// What {outcome} and BANSURI_OUTCOME say: "FAILED", "OVERDUE", "ALERT low-disk". Only letters,
/// blanks and hyphens, so that it is safe in a shell line.
std::string outcome_word(const engine::FailureInfo& info);

/// The message is about an attempt, and has its number, status and output.
bool is_of_attempt(const engine::FailureInfo& info);

/// "FAILED: exit code 3", "TIMEOUT: ran longer than 5s", "SUCCESS again", "still FAILED".
std::string summary(const engine::FailureInfo& info);

/// "2/5"; "2" without a limit.
std::string attempt_of_all(const engine::FailureInfo& info);

/// `command` with {task} {outcome} {code} {attempt} {run} replaced; other braces stay.
std::string fill_placeholders(std::string_view command, const engine::FailureInfo& info);

}  // namespace bansuri::notify
