// SPDX-License-Identifier: MIT
//
// Asks a daemon through the socket in its state directory. A connection for each question: whoever
// asks twice a second need not mind that the daemon was replaced in between.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace bansuri::cli {

using Json = nlohmann::ordered_json;
using Parameters = std::vector<std::pair<std::string, std::string>>;

class ApiClient {
  public:
    explicit ApiClient(std::string state_directory) : directory_(std::move(state_directory)) {}

    /// What the daemon answers to "/api/v1/..." with `parameters`. Blocks, for a minute and a half
    /// at most. Errors: unreachable (no daemon, or it may not be asked; says which and what to do),
    /// usage and not_found as the daemon says, io for its own failures, protocol for what is no
    /// answer.
    Result<Json> get(std::string_view path, const Parameters& parameters = {});
    Result<Json> post(std::string_view path);

    const std::string& directory() const { return directory_; }
    std::string socket_path() const;
    /// The process that listens, as this process sees it; nothing if nobody does.
    std::optional<pid_t> peer();

  private:
    Result<Json> ask(std::string_view method, const std::string& target);
    std::string directory_;
};

}  // namespace bansuri::cli
