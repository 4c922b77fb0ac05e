// SPDX-License-Identifier: MIT
//
// The target of a request: its path and its query, decoded and checked.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace bansuri::http {

/// The parameters of a query, in the order in which they came.
class Query {
  public:
    void add(std::string name, std::string value) {
        items_.emplace_back(std::move(name), std::move(value));
    }
    const std::vector<std::pair<std::string, std::string>>& items() const { return items_; }

    bool has(std::string_view name) const;
    std::vector<std::string> all(std::string_view name) const;
    /// The value of a parameter that may stand once; nothing if it is missing. The error (usage)
    /// names it.
    Result<std::optional<std::string>> text(std::string_view name) const;
    /// The same as a whole number from `least` to `most`.
    Result<std::optional<std::uint64_t>> number(std::string_view name, std::uint64_t least,
                                                std::uint64_t most) const;

  private:
    std::vector<std::pair<std::string, std::string>> items_;
};

struct Target {
    std::vector<std::string> path;  ///< its segments, decoded: {"api", "v1", "status"}
    Query query;

    /// The error (usage) says what is wrong: not a path, or a "%" without two hexadecimal digits.
    static Result<Target> parse(std::string_view text);
};

/// A whole number in decimal digits, and nothing else.
std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace bansuri::http
