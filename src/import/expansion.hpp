// SPDX-License-Identifier: MIT
//
// The expansions of supervisord's values: "%(program_name)s", "%(process_num)02d". They are
// Python's "%" operator with a dictionary.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace bansuri::imports {

/// The value of a name; nothing if it is not known.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

/// Replaces each expansion, and "%%" by "%". The error (config_invalid) says which name is not
/// known, or what is badly formed.
Result<std::string> expand(std::string_view text, const Lookup& lookup);

}  // namespace bansuri::imports
