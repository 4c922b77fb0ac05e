// SPDX-License-Identifier: MIT
#include "core/config/value_tree.hpp"

#include <cmath>
#include <limits>
#include <utility>

namespace bansuri::config {

void ValueTree::clear() {
    constexpr std::size_t usual = 1024;         // nodes
    constexpr std::size_t usual_texts = 65536;  // bytes
    nodes_.clear();
    texts_.clear();
    open_.clear();
    if (nodes_.capacity() > usual) nodes_.shrink_to_fit();
    if (texts_.capacity() > usual_texts) texts_.shrink_to_fit();
    key_size_ = 0;
    key_place_ = {};
}

std::uint32_t ValueTree::keep(std::string_view text) {
    const auto at = static_cast<std::uint32_t>(texts_.size());
    texts_ += text;
    return at;
}

void ValueTree::set_key(std::string_view key, Span place) {
    key_ = keep(key);
    key_size_ = static_cast<std::uint32_t>(key.size());
    key_place_ = place;
}

void ValueTree::add(JsonKind kind, Span place, Scalar scalar, std::string_view text) {
    const auto text_at = keep(text);
    nodes_.push_back({.kind = kind,
                      .place = place,
                      .key_place = std::exchange(key_place_, {}),
                      .key = key_,
                      .key_size = std::exchange(key_size_, 0),
                      .text = text_at,
                      .text_size = static_cast<std::uint32_t>(text.size()),
                      .next = static_cast<std::uint32_t>(nodes_.size() + 1),
                      .scalar = scalar});
}

void ValueTree::open(JsonKind kind, Span bracket) {
    open_.push_back(static_cast<std::uint32_t>(nodes_.size()));
    add(kind, bracket, {});
}

void ValueTree::close(Span bracket) {
    Node& node = nodes_[open_.back()];
    open_.pop_back();
    node.place.end = bracket.end;
    node.next = static_cast<std::uint32_t>(nodes_.size());
}

Value ValueTree::root() const { return {*this, 0}; }

std::optional<std::int64_t> Value::integer() const {
    const auto& scalar = node().scalar;
    if (const auto* whole = std::get_if<std::int64_t>(&scalar)) return *whole;
    if (const auto* natural = std::get_if<std::uint64_t>(&scalar)) {
        if (*natural > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
            return std::nullopt;
        }
        return static_cast<std::int64_t>(*natural);
    }
    const double real = std::get<double>(scalar);
    constexpr double exact = 9007199254740992.0;  // 2^53: each whole number below has its double
    if (std::trunc(real) != real || std::abs(real) > exact) return std::nullopt;
    return static_cast<std::int64_t>(real);
}

double Value::number() const {
    const auto& scalar = node().scalar;
    if (const auto* whole = std::get_if<std::int64_t>(&scalar)) return static_cast<double>(*whole);
    if (const auto* natural = std::get_if<std::uint64_t>(&scalar)) {
        return static_cast<double>(*natural);
    }
    return std::get<double>(scalar);
}

}  // namespace bansuri::config
