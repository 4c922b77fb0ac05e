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
#include "os/console.hpp"

namespace bansuri::app {

/// From the engine's loop. The console must outlive it.
class Log {
  public:
    Log(const cli::LogOptions& options, os::Console& console);
    ~Log();

    /// `event` and `fields` are what a machine reads, `text` what a person reads. Control
    /// characters of both are escaped.
    void say(spdlog::level::level_enum level, std::string_view event, std::string_view text,
             const nlohmann::json& fields);
    void info(std::string_view event, std::string_view text);
    void warn(std::string_view event, std::string_view text);
    void error(std::string_view event, std::string_view text);

  private:
    cli::LogFormat format_;
    std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace bansuri::app
