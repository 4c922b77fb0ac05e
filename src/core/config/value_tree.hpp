// SPDX-License-Identifier: MIT
//
// One value of a JSON text with the place of each of its parts: what one task, or one key of the
// root, looks like between the parser's events and the typed Task. It is filled, read and emptied
// again task by task, so that no tree of the whole file ever exists.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/config/source_text.hpp"

namespace bansuri::config {

enum class JsonKind : std::uint8_t { null, boolean, number, string, list, object };

class Value;

/// Nodes in the order of the text; a node's children follow it. All texts share one buffer, so a
/// tree that is used again allocates nothing.
class ValueTree {
  public:
    using Scalar = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double>;

    /// Empties the tree, and gives back memory that only an unusual value needed.
    void clear();
    /// The key of the node that is added next.
    void set_key(std::string_view key, Span place);
    void add(JsonKind kind, Span place, Scalar scalar, std::string_view text = {});
    void open(JsonKind kind, Span bracket);
    void close(Span bracket);

    bool empty() const { return nodes_.empty(); }
    std::size_t size() const { return nodes_.size(); }
    Value root() const;

  private:
    friend class Value;
    struct Node {
        JsonKind kind;
        Span place;
        Span key_place;
        std::uint32_t key = 0, key_size = 0;    // in texts_
        std::uint32_t text = 0, text_size = 0;  // in texts_
        std::uint32_t next = 0;                 // the node behind this one and all within it
        Scalar scalar;
    };
    std::uint32_t keep(std::string_view text);

    std::vector<Node> nodes_;
    std::vector<std::uint32_t> open_;
    std::string texts_;
    std::uint32_t key_ = 0, key_size_ = 0;
    Span key_place_;
};

/// A node of a tree; valid until the tree is emptied.
class Value {
  public:
    Value(const ValueTree& tree, std::uint32_t index) : tree_(&tree), index_(index) {}

    JsonKind kind() const { return node().kind; }
    Span place() const { return node().place; }
    /// The key of a member of an object.
    std::string_view key() const {
        return std::string_view(tree_->texts_).substr(node().key, node().key_size);
    }
    Span key_place() const { return node().key_place; }
    /// Of a string: its characters, escapes resolved.
    std::string_view text() const {
        return std::string_view(tree_->texts_).substr(node().text, node().text_size);
    }
    bool boolean() const { return std::get<bool>(node().scalar); }
    /// Of a number: its value if it is whole and fits.
    std::optional<std::int64_t> integer() const;
    /// Of a number.
    double number() const;

    class Iterator {
      public:
        Iterator(const ValueTree& tree, std::uint32_t index) : tree_(&tree), index_(index) {}
        Value operator*() const { return {*tree_, index_}; }
        Iterator& operator++() {
            index_ = tree_->nodes_[index_].next;
            return *this;
        }
        bool operator==(const Iterator& other) const { return index_ == other.index_; }

      private:
        const ValueTree* tree_;
        std::uint32_t index_;
    };
    /// The members of an object, or the elements of a list.
    Iterator begin() const { return {*tree_, index_ + 1}; }
    Iterator end() const { return {*tree_, node().next}; }

  private:
    const ValueTree::Node& node() const { return tree_->nodes_[index_]; }
    const ValueTree* tree_;
    std::uint32_t index_;
};

}  // namespace bansuri::config
