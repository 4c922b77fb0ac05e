// SPDX-License-Identifier: MIT
#include "core/configuration.hpp"

namespace bansuri {

TaskChange compare(const Task& before, const Task& after) {
    if (before == after) return TaskChange::none;
    return before.command == after.command ? TaskChange::in_place : TaskChange::restart;
}

}  // namespace bansuri
