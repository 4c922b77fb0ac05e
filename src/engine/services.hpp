// SPDX-License-Identifier: MIT
//
// What the engine needs from the outside, by interface. app/ makes the real ones; tests make fakes.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>

#include "engine/clock.hpp"
#include "engine/environment.hpp"
#include "engine/event_bus.hpp"
#include "engine/heartbeat.hpp"
#include "engine/notifier.hpp"
#include "engine/output_capture.hpp"
#include "engine/output_store.hpp"
#include "engine/process_launcher.hpp"
#include "engine/run_store.hpp"
#include "engine/start_lookup.hpp"

namespace bansuri::engine {

/// All of them outlive the Orchestrator, and are used on its loop only.
struct Services {
    boost::asio::any_io_executor loop;
    Clock& clock;
    ProcessLauncher& launcher;
    StartLookup& lookup;
    RunStore& store;
    OutputStore* outputs;  ///< nullptr: output is not kept with its run
    Notifier& notifier;
    Heartbeat* heartbeat;  ///< nullptr: nobody is told of successes
    EventBus& events;
    OutputForwarder& forwarder;
    Environment inherited;           ///< see inheritable()
    std::function<double()> chance;  ///< a random number in [0, 1), for the jitter of pauses
    /// An exception escaped a run: a bug, said with the task's name. The run counts as LOST.
    std::function<void(const std::string& task, const std::string& what)> on_bug;
};

}  // namespace bansuri::engine
