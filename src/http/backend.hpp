// SPDX-License-Identifier: MIT
//
// What the HTTP API needs of the program behind it. app/ fulfils it on top of the engine; tests
// with a fake.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/result.hpp"
#include "engine/event_bus.hpp"
#include "engine/run_history.hpp"
#include "engine/status.hpp"

namespace bansuri::http {

/// Which daemon this is: the same for all its life.
struct Identity {
    std::string version;
    pid_t pid = 0;
    std::uint64_t number = 1;  ///< the how-manieth daemon of its keeper
};

struct StatusAnswer {
    engine::DaemonStatus daemon;
    std::vector<engine::TaskStatus> tasks;
};

struct ReloadAnswer {
    /// What came of it; nothing: the file has not changed, or it was refused.
    std::optional<engine::ConfigurationApplied> applied;
    bool refused = false;
    std::vector<std::string> problems;  ///< errors and warnings, rendered
};

/// Called on the server's thread. The questions are answered by calling `done` once, on any thread,
/// also long after nobody waits any more; a question that is never answered costs its asker a
/// time-out. No call blocks.
class Backend {
  public:
    template <class Answer>
    using Done = std::function<void(Answer)>;

    virtual ~Backend() = default;

    virtual Identity identity() const = 0;
    /// The tasks of these names, all of them if there is none; unknown names are left out.
    virtual void status(std::vector<std::string> names, Done<StatusAnswer> done) = 0;

    /// As SIGHUP does; answers when the file has been read and taken or refused.
    virtual void reload(Done<Result<ReloadAnswer>> done) = 0;
    /// As SIGTERM does; answers when it has begun.
    virtual void shutdown(Done<Result<void>> done) = 0;
    /// The daemon ends, without its tasks, and the keeper starts the next one; answers when it has
    /// begun.
    virtual void restart_daemon(Done<Result<void>> done) = 0;

    /// Used on the server's thread only.
    virtual engine::RunHistory& history() = 0;
    /// A request failed in a way that the client is told nothing about; any thread.
    virtual void report(const std::string& what) = 0;
};

}  // namespace bansuri::http
