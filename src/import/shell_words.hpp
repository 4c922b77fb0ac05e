// SPDX-License-Identifier: MIT
//
// Words for /bin/sh, and words as programs without a shell split them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bansuri::imports {

/// `word` such that a shell reads it as one word that stands for itself; in single quotes only
/// where it must.
std::string shell_word(std::string_view word);

/// Splits as Python's shlex.split() does: blanks between words, quotes, and a backslash that takes
/// the next character for itself (within double quotes only `"` and `\`). Nothing if a quote or a
/// backslash at the end is left open.
std::optional<std::vector<std::string>> split_words(std::string_view text);

}  // namespace bansuri::imports
