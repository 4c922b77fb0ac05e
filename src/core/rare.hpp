// SPDX-License-Identifier: MIT
//
// A value that nearly every owner leaves at its default, and that many of the others share: it
// takes the room of a pointer until it is changed. There are a hundred thousand tasks in memory,
// and few of them ask for a user or a limit, or all of them for the same.
#pragma once

#include <memory>

namespace bansuri {

/// Copies share the value, and may be read on any thread; to edit one is its owner's business.
template <class Value>
class Rare {
  public:
    const Value& operator*() const { return value_ ? *value_ : standard(); }
    const Value* operator->() const { return &**this; }
    /// To be changed: made if it is still the default, and its own if it was shared.
    Value& edit() {
        if (!value_) value_ = std::make_shared<Value>();
        if (value_.use_count() > 1) value_ = std::make_shared<Value>(*value_);
        return *value_;
    }
    bool operator==(const Rare& other) const { return value_ == other.value_ || **this == *other; }

  private:
    static const Value& standard() {
        static const Value value;
        return value;
    }
    std::shared_ptr<Value> value_;
};

}  // namespace bansuri
