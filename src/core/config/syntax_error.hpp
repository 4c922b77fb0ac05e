// SPDX-License-Identifier: MIT
//
// Why a text is not JSON, in the words of the person who wrote it: "a comma too many", not
// "expected string literal". nlohmann's parser finds that there is an error; this finds which.
#pragma once

#include <string_view>
#include <vector>

#include "core/config/source_text.hpp"
#include "core/config/text_fault.hpp"

namespace bansuri::config {

/// How far the parser came before it met the error.
struct SyntaxContext {
    enum class After { start, key, value };
    Span last;  ///< the last good token, with the letters and digits that adhere to it
    After after = After::start;  ///< what that token was: a bracket (or nothing), a key, a value
    std::vector<Offset> open;    ///< the brackets that are open, outermost first
};

TextFault explain_syntax_error(const SourceText& source, const SyntaxContext& context);

}  // namespace bansuri::config
