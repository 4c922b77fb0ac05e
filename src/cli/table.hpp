// SPDX-License-Identifier: MIT
//
// Columns that fit the terminal: what is too long is cut with an ellipsis, and no line ever wraps.
#pragma once

#include <cstddef>
#include <iosfwd>
#include <string>
#include <vector>

namespace bansuri::cli {

enum class Colour { none, green, red, yellow, dim };

/// `text` between the codes of the colour, if `colours` are wanted.
std::string coloured(const std::string& text, Colour colour, bool colours);

struct Cell {
    // NOLINTNEXTLINE(google-explicit-constructor): a row is a list of texts.
    Cell(std::string shown = {}, Colour with = Colour::none)
        : text(std::move(shown)), colour(with) {}
    std::string text;
    Colour colour;
};

class Table {
  public:
    struct Column {
        std::string title;
        bool right = false;    ///< numbers
        bool shrinks = false;  ///< is cut first when the terminal is narrow
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    /// As many cells as columns. What could act on a terminal is shown escaped.
    void add(std::vector<Cell> row);
    bool empty() const { return rows_.empty(); }
    /// `width` in columns; 0: no limit. A column that is empty in all rows is left out.
    void print(std::ostream& out, std::size_t width, bool colours) const;

  private:
    std::vector<std::size_t> widths(std::size_t limit) const;
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

}  // namespace bansuri::cli
