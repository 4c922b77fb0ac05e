// SPDX-License-Identifier: MIT
//
// Puts the engine's events into the log, in words and in fields.
#pragma once

#include <memory>

#include "app/log.hpp"
#include "engine/event_bus.hpp"

namespace bansuri::app {

/// Listens as long as the answer lives; bus and log must outlive it.
[[nodiscard]] std::shared_ptr<void> log_events(engine::EventBus& events, Log& log);

}  // namespace bansuri::app
