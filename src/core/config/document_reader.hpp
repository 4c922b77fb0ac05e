// SPDX-License-Identifier: MIT
//
// Reads a JSON document whose root is an object, and hands its parts out one by one: each value of
// the root, and each element of a list that the taker wants element by element. nlohmann's SAX
// parser does the reading; comments are allowed.
#pragma once

#include <string_view>

#include "core/config/diagnostic_sink.hpp"
#include "core/config/source_text.hpp"
#include "core/config/value_tree.hpp"

namespace bansuri::config {

/// Takes what read_document reads. Values are valid during the call only.
class DocumentTaker {
  public:
    enum class Wish {
        value,     ///< hand it out whole, by take_value
        elements,  ///< if it is a list, hand out its elements by take_element, and nothing whole
        nothing,   ///< pass over it
    };
    virtual ~DocumentTaker() = default;
    /// A key of the root; the answer says how its value is to come.
    virtual Wish take_key(std::string_view key, Span place) = 0;
    virtual void take_value(const Value& value) = 0;
    /// False ends the reading.
    virtual bool take_element(const Value& value) = 0;
    /// Instead of take_value or take_element: the value has more than Limits::values parts.
    virtual void refuse(Span place) = 0;
};

/// Reads the whole of `sink.source()`. What makes further reading impossible (a syntax error, a
/// limit) is reported to `sink`, after all that stands before it was handed out. False if not all
/// of the document could be read.
bool read_document(DocumentTaker& taker, DiagnosticSink& sink);

}  // namespace bansuri::config
