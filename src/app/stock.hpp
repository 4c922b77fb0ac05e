// SPDX-License-Identifier: MIT
//
// What a daemon finds when it begins: what its predecessors recorded, what the keeper holds, and
// the configuration that was in force.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "app/state.hpp"
#include "core/configuration.hpp"
#include "engine/process_launcher.hpp"
#include "engine/run_store.hpp"
#include "os/keeper_client.hpp"

namespace bansuri::app {

struct Stock {
    engine::Recovery left;
    std::vector<engine::HeldAttempt> held;
    std::optional<Configuration> before;  ///< the predecessor's, if anything of it may live
    SavedConfiguration::Text saved;       ///< its text
};

/// `keeper_lives`: it had a daemon before. `file`: the configuration as it is now, at `path`. What
/// another keeper started and still lives is adopted, unless there is no configuration at all. The
/// error (unreachable): the keeper is gone, and nothing that was answered may be believed.
boost::asio::awaitable<Result<Stock>> take_stock(State& state, os::KeeperClient& keeper,
                                                 bool keeper_lives,
                                                 const std::optional<Configuration>& file,
                                                 const std::string& path);

}  // namespace bansuri::app
