// SPDX-License-Identifier: MIT
#include "cli/table.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <ostream>
#include <utility>

#include "core/printable.hpp"
#include "core/utf8.hpp"

namespace bansuri::cli {
namespace {

constexpr std::size_t gap = 2;
// What is cut shorter says nothing any more, as long as there is something else to cut.
constexpr std::size_t least_readable = 8;

std::string fitted(const std::string& text, std::size_t width) {
    if (columns_of(text) <= width) return text;
    if (width == 0) return {};
    return std::string(cut_to_columns(text, width - 1)) + "…";
}

}  // namespace

std::string coloured(const std::string& text, Colour colour, bool colours) {
    if (!colours || colour == Colour::none || text.empty()) return text;
    const char* code = "2";
    if (colour == Colour::green) code = "32";
    if (colour == Colour::red) code = "31";
    if (colour == Colour::yellow) code = "33";
    return std::string("\x1b[") + code + "m" + text + "\x1b[0m";
}

void Table::add(std::vector<Cell> row) {
    row.resize(columns_.size());
    for (Cell& cell : row) cell.text = printable_line(cell.text);
    rows_.push_back(std::move(row));
}

/// 0: left out.
std::vector<std::size_t> Table::widths(std::size_t limit) const {
    std::vector<std::size_t> widths(columns_.size(), 0);
    for (const auto& row : rows_) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], columns_of(row[i].text));
        }
    }
    std::size_t shown = 0;
    for (std::size_t i = 0; i < widths.size(); ++i) {
        if (widths[i] == 0) continue;
        widths[i] = std::max(widths[i], columns_of(columns_[i].title));
        ++shown;
    }
    if (limit == 0 || shown == 0) return widths;

    std::size_t total = std::accumulate(widths.begin(), widths.end(), gap * (shown - 1));
    const auto shrink = [&](std::size_t least, bool any) {
        while (total > limit) {
            std::optional<std::size_t> widest;
            for (std::size_t i = 0; i < widths.size(); ++i) {
                if (widths[i] <= least || !(any || columns_[i].shrinks)) continue;
                if (!widest || widths[i] > widths[*widest]) widest = i;
            }
            if (!widest) return;
            --widths[*widest];
            --total;
        }
    };
    shrink(least_readable, false);
    shrink(least_readable, true);
    shrink(1, true);
    // So narrow a terminal has no room for all columns: the first ones are what matters.
    for (std::size_t i = widths.size(); i-- > 1 && total > limit;) {
        if (widths[i] == 0) continue;
        total -= widths[i] + gap;
        widths[i] = 0;
    }
    return widths;
}

void Table::print(std::ostream& out, std::size_t width, bool colours) const {
    const std::vector<std::size_t> room = widths(width);
    const auto print_row = [&](const auto& cell_at) {
        std::string line;
        std::size_t blanks = 0;
        for (std::size_t i = 0; i < columns_.size(); ++i) {
            if (room[i] == 0) continue;
            const Cell cell = cell_at(i);
            const std::string text = fitted(cell.text, room[i]);
            const std::size_t rest = room[i] - columns_of(text);
            // Blanks are written when something follows: at the end of a line they could wrap.
            if (columns_[i].right) blanks += rest;
            if (!text.empty()) line.append(std::exchange(blanks, 0), ' ');
            line += coloured(text, cell.colour, colours);
            blanks += gap + (columns_[i].right ? 0 : rest);
        }
        out << line << '\n';
    };
    print_row([&](std::size_t i) { return Cell(columns_[i].title, Colour::dim); });
    for (const auto& row : rows_) print_row([&](std::size_t i) { return row[i]; });
}

}  // namespace bansuri::cli
