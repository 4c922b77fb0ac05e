// SPDX-License-Identifier: MIT
#include "cli/shown.hpp"

#include <fmt/format.h>

#include <ostream>

#include "core/duration.hpp"
#include "core/iso8601.hpp"
#include "core/printable.hpp"

namespace bansuri::cli {

std::string shown_time(WallTime time, WallTime now, const TimeZone& zone) {
    const auto day_of = [&zone](WallTime instant) {
        const auto second = std::chrono::floor<std::chrono::seconds>(instant);
        return std::chrono::floor<std::chrono::days>(second + zone.span_at(second).offset);
    };
    const std::string text = format_local(time, zone);  // 2026-03-29T03:30:00+02:00
    std::string clock = text.substr(11, text.compare(17, 2, "00") == 0 ? 5 : 8);
    if (day_of(time) == day_of(now)) return clock;
    return text.substr(0, 10) + " " + clock;
}

std::string shown_span(Duration span) {
    using namespace std::chrono;
    // The clock may have been set back in between.
    if (span < Duration::zero()) span = Duration::zero();
    // Rounded to the smaller of the two units that are shown, else 59.9996s would become 60s.
    Duration rounded = round<milliseconds>(span);
    if (rounded >= 1min) rounded = floor<seconds>(span);
    if (rounded >= 1h) rounded = floor<minutes>(span);
    if (rounded >= 24h) rounded = floor<hours>(span);
    if (rounded >= 10s && rounded < 1min) rounded = floor<seconds>(span);
    if (rounded >= 1s && rounded < 10s) {
        return fmt::format("{:.1f}s", duration<double>(floor<milliseconds>(rounded)).count());
    }
    return format_duration(rounded);
}

Colour colour_of(std::string_view word) {
    if (word == "SUCCESS" || word == "RUNNING") return Colour::green;
    if (word == "FAILED" || word == "TIMEOUT" || word == "LOST") return Colour::red;
    if (word == "RESTARTING" || word == "SKIPPED" || word == "STOPPED") return Colour::yellow;
    return Colour::none;
}

void print_json(const Json& document, const Surroundings& around, int indent) {
    around.out << printable_json(document.dump(indent)) << '\n';
}

}  // namespace bansuri::cli
