// SPDX-License-Identifier: MIT
//
// What of Bansuri outlives its processes: the history of runs, the output that is kept with it, and
// the configuration in force. All of it lies in the state directory.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "app/saved_configuration.hpp"
#include "core/configuration.hpp"
#include "engine/clock.hpp"
#include "engine/health.hpp"
#include "os/state_directory.hpp"
#include "store/output_files.hpp"
#include "store/sqlite_history.hpp"
#include "store/sqlite_run_store.hpp"

namespace bansuri::app {

/// From the engine's loop, but for history(), which makes a reader for another thread.
class State {
  public:
    struct Listener {
        /// News of the state itself: the kind, and a sentence.
        std::function<void(const std::string& kind, const std::string& text)> on_news;
        /// The database is damaged: the daemon has to be started anew.
        std::function<void(const std::string& why)> on_corrupt;
    };

    /// A directory that was deleted under the keeper is made and locked anew, which is news.
    /// Throws std::runtime_error, naming the place and the cause, if the directory cannot be used.
    State(boost::asio::any_io_executor loop, engine::Clock& clock, engine::Health& health,
          std::string directory, Listener listener);
    ~State();
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    const std::string& directory() const { return directory_; }
    store::SqliteRunStore& store() { return store_; }
    store::OutputFiles& outputs() { return outputs_; }
    SavedConfiguration& configuration() { return configuration_; }
    std::unique_ptr<engine::RunHistory> history();

    /// Files of runs that are recorded nowhere go, on a thread of its own.
    void sweep();
    /// Blocks until all that was told is written, for a few seconds at most.
    void flush();

  private:
    store::SqliteOptions options(engine::Clock& clock, engine::Health& health, Listener listener);

    std::string directory_;
    std::optional<os::StateDirectory> remade_;
    store::OutputFiles outputs_;
    store::SqliteRunStore store_;
    SavedConfiguration configuration_;
    std::thread sweeper_;
};

}  // namespace bansuri::app
