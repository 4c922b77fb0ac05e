// SPDX-License-Identifier: MIT
#include "app/log.hpp"

#include <fmt/format.h>
#include <spdlog/details/null_mutex.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/iso8601.hpp"
#include "core/printable.hpp"
#include "os/system_clock.hpp"

namespace bansuri::app {
namespace {

/// Bounded and non-blocking, as the console is: logging never makes the engine wait.
class ConsoleSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
  public:
    explicit ConsoleSink(os::Console& console) : console_(console) {}

  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        console_.write(engine::Stream::standard_error, std::string(line.data(), line.size()));
    }
    void flush_() override {}
    os::Console& console_;
};

std::string one_line(std::string_view text) {
    std::string line = printable_lines(text);
    std::replace(line.begin(), line.end(), '\n', ' ');
    return line;
}

}  // namespace

Log::Log(const cli::LogOptions& options, os::Console& console)
    : format_(options.format),
      logger_(std::make_shared<spdlog::logger>("bansuri", std::make_shared<ConsoleSink>(console))) {
    logger_->set_level(spdlog::level::from_str(options.level));
    logger_->set_pattern("%v");
}

void Log::say(spdlog::level::level_enum level, std::string_view event, std::string_view text,
              const nlohmann::json& fields) {
    if (!wants(level)) return;
    const WallTime now = os::SystemClock::read_wall();
    const std::string_view level_name(spdlog::level::to_string_view(level).data());
    if (format_ == cli::LogFormat::text) {
        return logger_->log(
            level, fmt::format("{} {}: {}", format_local(now, zone_), level_name, one_line(text)));
    }
    nlohmann::json line = {
        {"time", format_utc(now)},
        {"level", level_name},
        {"event", event},
        {"message", text},
    };
    line.update(fields);
    logger_->log(level, line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void Log::info(std::string_view event, std::string_view text) {
    say(spdlog::level::info, event, text, nlohmann::json::object());
}

void Log::warn(std::string_view event, std::string_view text) {
    say(spdlog::level::warn, event, text, nlohmann::json::object());
}

void Log::error(std::string_view event, std::string_view text) {
    say(spdlog::level::err, event, text, nlohmann::json::object());
}

}  // namespace bansuri::app
