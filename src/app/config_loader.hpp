// SPDX-License-Identifier: MIT
//
// From the file to a parsed configuration, away from the engine's loop: a large file takes its
// time, and no start may wait for it.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/log.hpp"
#include "app/saved_configuration.hpp"
#include "core/config/parsed_configuration.hpp"

namespace bansuri::app {

struct LoadedConfiguration {
    std::optional<Configuration> configuration;  ///< nothing: it cannot be taken
    std::vector<std::string> problems;           ///< errors and warnings, rendered
    bool unchanged = false;                      ///< the bytes of what is in force: not parsed
    /// What was parsed, to be saved.
    std::shared_ptr<const SavedConfiguration::Text> source;
};

/// What is wrong with the file, and what is unwise in it, into the log.
void tell_problems(const LoadedConfiguration& loaded, Log& log);

/// load() from the loop; read() is what it does, for callers that may block.
class ConfigLoader {
  public:
    ConfigLoader(boost::asio::any_io_executor loop, std::string path)
        : loop_(std::move(loop)), path_(std::move(path)) {}

    LoadedConfiguration read();
    using Done = std::function<void(LoadedConfiguration)>;
    /// Calls `done` on the loop. If a load is under way, another follows it. Of those that wait for
    /// the same one the first is given the configuration; to the others it is unchanged.
    void load(Done done);

  private:
    LoadedConfiguration read_file();
    void load_next();
    boost::asio::any_io_executor loop_;
    std::string path_;
    std::optional<std::size_t> last_hash_;  // touched by read() only, which runs alone
    bool loading_ = false;
    std::vector<Done> waiting_;
    boost::asio::thread_pool reader_{1};
};

}  // namespace bansuri::app
