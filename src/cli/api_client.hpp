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
#include "core/time.hpp"

namespace bansuri::cli {

using Json = nlohmann::ordered_json;
using Parameters = std::vector<std::pair<std::string, std::string>>;

class ApiClient {
  public:
    explicit ApiClient(std::string state_directory) : directory_(std::move(state_directory)) {}

    /// What the daemon answers to "/api/v1/..." with `parameters`. Blocks, for `longest_patience`
    /// at most, or for what use_patience() says. Errors: unreachable (no daemon, or it may not be
    /// asked; says which and what to do), usage and not_found as the daemon says, io for its own
    /// failures, protocol for what is no answer.
    Result<Json> get(std::string_view path, const Parameters& parameters = {});
    Result<Json> post(std::string_view path);

    /// Longer than the daemon takes to give up, so that it is the daemon who says why.
    static constexpr Duration longest_patience = std::chrono::seconds(90);
    /// For the questions from now on: so long without a byte, and no answer will come.
    void use_patience(Duration patience) { patience_ = patience; }

    const std::string& directory() const { return directory_; }
    std::string socket_path() const;
    /// The process that listens, as this process sees it; nothing if nobody does.
    std::optional<pid_t> peer();

  private:
    Result<Json> ask(std::string_view method, const std::string& target);
    std::string directory_;
    Duration patience_ = longest_patience;
};

}  // namespace bansuri::cli
