// SPDX-License-Identifier: MIT
//
// The text of a configuration file, and where in it an offset lies. Offsets are kept while reading;
// lines and columns are worked out only for what is reported.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bansuri::config {

using Offset = std::uint32_t;

/// A part of the text: `begin` included, `end` excluded.
struct Span {
    Offset begin = 0;
    Offset end = 0;
    bool operator==(const Span&) const = default;
};

struct Position {
    unsigned line = 1;    ///< from 1
    unsigned column = 1;  ///< from 1; counts characters (code points), a tab is one
    bool operator==(const Position&) const = default;
};

/// "12:7".
std::string to_string(Position position);

/// Refers to the text, which must outlive it and be shorter than 4 GiB. For one thread.
class SourceText {
  public:
    explicit SourceText(std::string_view text);

    std::string_view text() const { return text_; }
    /// Where the text begins: behind the byte order mark if there is one.
    Offset begin() const { return begin_; }
    Position locate(Offset offset) const;
    /// The part as the file writes it, for a message: printable, cut at 80 characters, and with
    /// each run of blanks as one if it is an object or a list.
    std::string excerpt(Span part) const;

  private:
    // What is known at every multiple of the stride, so that a position costs one stride to find,
    // however large the file and however long its lines.
    struct Mark {
        unsigned line;
        unsigned column;
    };
    std::string_view text_;
    Offset begin_;
    mutable std::vector<Mark> marks_;  // made when first asked
};

}  // namespace bansuri::config
