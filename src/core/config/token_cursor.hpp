// SPDX-License-Identifier: MIT
//
// Walks over the tokens of a JSON text, beside the parser that gives them their meaning.
// nlohmann's SAX events carry no positions; asked once at each event, this cursor knows them. It
// trusts the parser that a token is there, and never reads beyond the text when it is not.
#pragma once

#include <string_view>

#include "core/config/source_text.hpp"

namespace bansuri::config {

class TokenCursor {
  public:
    TokenCursor(std::string_view text, Offset begin) : text_(text), at_(begin) {}

    /// Passes blanks, comments, commas and colons, then one token: a bracket, a string with its
    /// quotes, a number or a literal.
    Span next();

  private:
    std::string_view text_;
    Offset at_;
};

/// The offset behind the blanks and comments at `at`. An unclosed comment ends with the text.
Offset skip_blanks(std::string_view text, Offset at);
/// The offset behind the string whose opening quote stands at `at`; the end of the text if it is
/// not closed.
Offset skip_string(std::string_view text, Offset at);

}  // namespace bansuri::config
