// SPDX-License-Identifier: MIT
//
// What a start needs to know of the machine, and may have to wait for: accounts, which may live in
// a directory on the network, and files of variables. os::StartLookup asks in a thread of its own.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/result.hpp"
#include "core/task.hpp"

namespace bansuri::engine {

/// A user as the machine knows it at the moment.
struct Account {
    std::string name;
    std::string home;
    std::string shell;
    uid_t user = 0;
    gid_t group = 0;
    std::vector<gid_t> groups;  ///< supplementary, in ascending order, each once
};

struct StartFacts {
    std::optional<Account> account;  ///< if the task names a user or a group
    std::vector<std::pair<std::string, std::string>> variables;  ///< of the environment files
};

class StartLookup {
  public:
    virtual ~StartLookup() = default;
    /// For a task whose isolation needs it. Resumes on the engine's loop. The error (cannot_start)
    /// names the user or the file, the reason and the remedy.
    virtual boost::asio::awaitable<Result<StartFacts>> look_up(
        std::shared_ptr<const Task> task) = 0;
    /// "NAME=value" strings that a process was started with; none if it has ended, or may not be
    /// looked at.
    virtual std::vector<std::string> environment_of(pid_t pid) = 0;
};

}  // namespace bansuri::engine
