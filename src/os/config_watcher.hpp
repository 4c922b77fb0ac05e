// SPDX-License-Identifier: MIT
//
// Tells when the configuration file may have changed: by inotify on its directory, and by looking
// every half minute, because inotify does not see every file system.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <optional>
#include <string>

#include "core/time.hpp"
#include "os/config_file.hpp"

namespace bansuri::os {

/// Lives on the loop. Make it before the file is first read, so that no change falls between.
class ConfigWatcher {
  public:
    struct Pace {
        Duration settle = std::chrono::milliseconds(100);  ///< after the last event
        Duration recheck = std::chrono::seconds(30);
    };
    /// `changed` is called after the file's identity has become another one, also when the file
    /// has vanished. Editors write in several steps: the call waits until it has been quiet for
    /// `settle`, at most ten times that.
    ConfigWatcher(boost::asio::any_io_executor loop, std::string path,
                  std::function<void()> changed, Pace pace);
    ConfigWatcher(boost::asio::any_io_executor loop, std::string path,
                  std::function<void()> changed)
        : ConfigWatcher(std::move(loop), std::move(path), std::move(changed), Pace{}) {}

    /// False: no inotify here, only the half-minute check.
    bool has_events() const { return events_.has_value(); }

  private:
    void watch();
    void wait_for_events();
    bool concerns_us();
    void settle();
    void recheck();
    void compare();

    std::string path_;
    std::function<void()> changed_;
    Pace pace_;
    std::optional<boost::asio::posix::stream_descriptor> events_;
    boost::asio::steady_timer settled_;
    boost::asio::steady_timer recheck_;
    std::optional<boost::asio::steady_timer::time_point> unsettled_since_;
    bool through_link_ = false;  ///< some part of the path is a symbolic link
    int file_watch_ = -1;
    FileIdentity seen_;
};

}  // namespace bansuri::os
