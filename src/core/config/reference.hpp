// SPDX-License-Identifier: MIT
//
// The reference of all keys, for docs/configuration.md.
#pragma once

#include <string>

namespace bansuri {

/// Markdown, made from the key table that the parser reads by.
std::string markdown_reference();

}  // namespace bansuri
