// SPDX-License-Identifier: MIT
//
// JSON with comments as a person would lay it out: one key a line, short lists and objects within
// their line, comments wrapped above what they are about.
#pragma once

#include <span>
#include <string>

#include "import/draft.hpp"

namespace bansuri::imports {

class DraftText {
  public:
    void notes(const Notes& notes);
    void blank() { text_ += '\n'; }
    /// `before` and `after` stand around the brackets: "\"scripts\": " and ",".
    void open(std::string_view before, char bracket);
    void close(char bracket, std::string_view after);
    /// Members with their comments; commas between them, and behind the last if `more` follow.
    void members(std::span<const Member> members, bool more);
    std::string take() { return std::move(text_); }

  private:
    void line(std::string_view text);
    std::string text_;
    std::size_t depth_ = 0;
};

/// `{"a": [1, 2]}`: with blanks behind commas and colons.
std::string in_one_line(const Json& value);

}  // namespace bansuri::imports
