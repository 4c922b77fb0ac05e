// SPDX-License-Identifier: MIT
//
// The configuration in force, kept in the state directory: a daemon that takes over begins with
// what its predecessor ran, and then takes the file over as any reload does. So a file that was
// changed, broken or removed meanwhile ends nothing by surprise.
#pragma once

#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace bansuri::app {

class SavedConfiguration {
  public:
    struct Text {
        std::string directory;  ///< where the file lay
        std::string text;
    };

    /// `state`: the state directory. `failed` is called, on another thread, with what is wrong.
    SavedConfiguration(std::string state, std::function<void(const std::string&)> failed)
        : path_(std::move(state) + "/configuration"), failed_(std::move(failed)) {}

    /// Nothing if none was saved, or it cannot be read.
    std::optional<Text> read() const;
    /// Replaces what is saved, whole or not at all, away from the loop.
    void save(std::shared_ptr<const Text> text);
    /// Blocks until all is saved.
    void finish() { writer_.join(); }

  private:
    std::string path_;
    std::function<void(const std::string&)> failed_;
    boost::asio::thread_pool writer_{1};
};

}  // namespace bansuri::app
