// SPDX-License-Identifier: MIT
//
// What the writer of an unknown key most likely meant.
#pragma once

#include <span>
#include <string_view>

#include "core/config/diagnostic_sink.hpp"
#include "core/config/key_table.hpp"

namespace bansuri::config {

/// Where a key was met.
enum class Home : std::uint8_t { root, task, defaults, member };

/// Insertions, deletions, substitutions and swaps of neighbours that make `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// Why `key` is refused in `home`, whose keys are `rows`, and the known key to write instead: the
/// right place for a key that stands elsewhere, the name under which other programs' users look
/// for it, or the nearest spelling.
Problem unknown_key(std::string_view key, Home home, std::span<const KeyRow> rows);

}  // namespace bansuri::config
