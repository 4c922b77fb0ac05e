// SPDX-License-Identifier: MIT
//
// The configuration in force, kept in the state directory: a daemon that takes over begins with
// what its predecessor ran, and then takes the file over as any reload does. So a file that was
// changed, broken or removed meanwhile ends nothing by surprise.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace bansuri::app {

class SavedConfiguration {
  public:
    struct Text {
        std::string directory;  ///< where the file lay
        std::string text;
    };

    /// `state`: the state directory. `told` is called on another thread after each try: with what
    /// is wrong, or with nothing.
    SavedConfiguration(std::string state, std::function<void(const std::string& problem)> told);
    ~SavedConfiguration();
    SavedConfiguration(const SavedConfiguration&) = delete;
    SavedConfiguration& operator=(const SavedConfiguration&) = delete;

    /// Nothing if none was saved, or it cannot be read.
    std::optional<Text> read() const;
    /// Replaces what is saved, whole or not at all, away from the loop. What cannot be written is
    /// tried again every few seconds.
    void save(std::shared_ptr<const Text> text);
    /// Blocks until all is saved, or a try has failed, or `patience` is over.
    void finish(std::chrono::milliseconds patience);

  private:
    void work();

    std::string path_;
    std::function<void(const std::string&)> told_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::shared_ptr<const Text> wanted_;  // guarded by mutex_, as what follows
    bool failed_ = false;                 // the last try
    bool stopping_ = false;
    std::thread writer_;
};

}  // namespace bansuri::app
