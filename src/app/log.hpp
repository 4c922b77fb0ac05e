// SPDX-License-Identifier: MIT
//
// Bansuri's own log: one line an event, for people or as JSON, on its stderr.
#pragma once

#include <spdlog/logger.h>

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "cli/arguments.hpp"
#include "core/time_zone.hpp"
#include "os/console.hpp"

namespace bansuri::app {

/// From the engine's loop. The console must outlive it.
class Log {
  public:
    Log(const cli::LogOptions& options, os::Console& console);

    /// The zone in which people are shown times from now on.
    void use(TimeZone zone) { zone_ = std::move(zone); }
    const TimeZone& zone() const { return zone_; }
    /// Whether saying something at this level has an effect.
    bool wants(spdlog::level::level_enum level) const { return logger_->should_log(level); }

    /// `event` and `fields` are what a machine reads, `text` what a person reads. Control
    /// characters of both are escaped.
    void say(spdlog::level::level_enum level, std::string_view event, std::string_view text,
             const nlohmann::json& fields);
    void info(std::string_view event, std::string_view text);
    void warn(std::string_view event, std::string_view text);
    void error(std::string_view event, std::string_view text);

  private:
    cli::LogFormat format_;
    TimeZone zone_ = TimeZone::system();
    std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace bansuri::app
