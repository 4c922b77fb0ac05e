// SPDX-License-Identifier: MIT
//
// From a scripts.json of the Python program of the same name to one of ours. The files look alike,
// and mean different things in places. A pure function of the text.
#pragma once

#include <string>
#include <string_view>

#include "core/result.hpp"

namespace bansuri::imports {

/// The text of scripts.json, with comments for what is different now and what could not be carried
/// over. `origin` is the file's path as it was given. Fails (config_invalid) if it is no JSON, or
/// has no list `scripts`.
Result<std::string> import_python_bansuri(std::string_view text, std::string_view origin);

}  // namespace bansuri::imports
