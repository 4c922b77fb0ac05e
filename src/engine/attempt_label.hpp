// SPDX-License-Identifier: MIT
//
// What the keeper keeps beside an attempt, so that a daemon whose store was lost still knows what
// runs: the task, the instant, and since when.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/run_store.hpp"

namespace bansuri::engine {

struct AttemptLabel {
    std::string task;
    Due due;
    RunOrigin origin = RunOrigin::schedule;
    WallTime at{};     ///< when the attempt was begun ...
    MonoTime begun{};  ///< ... by both clocks
};

/// At most longest_label bytes, because a task's name is bounded.
std::string encode(const AttemptLabel& label);
/// Nothing if it is not one: a notifier's attempt has none.
std::optional<AttemptLabel> parse_label(std::string_view text);

}  // namespace bansuri::engine
