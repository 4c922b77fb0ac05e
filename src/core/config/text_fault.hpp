// SPDX-License-Identifier: MIT
//
// The first place of a file beyond which it must not be read: bytes that are no text, or a size
// that no honest configuration has. Found in one pass before parsing, so that the memory which the
// parser takes for a hostile file is bounded.
#pragma once

#include <optional>

#include "core/config/diagnostic_sink.hpp"
#include "core/config/source_text.hpp"

namespace bansuri::config {

struct Limits {
    static constexpr std::size_t file = 32U << 20;   ///< bytes
    static constexpr std::size_t string = 1U << 20;  ///< bytes of one string, as written
    static constexpr std::size_t gap = 8U << 20;     ///< blanks and comments between two tokens
    static constexpr std::size_t depth = 32;         ///< objects and lists within each other
    static constexpr std::size_t tasks = 200'000;
    static constexpr std::size_t values = 65'536;  ///< of one task, or of one root key
};

/// Something wrong with the text as such.
struct TextFault {
    Offset at = 0;
    Problem problem;
};

std::optional<TextFault> find_fault(const SourceText& source);

}  // namespace bansuri::config
