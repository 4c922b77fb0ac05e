// SPDX-License-Identifier: MIT
//
// Any bytes as a cron expression: it is refused with a short message, or its due times advance.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/cron.hpp"

namespace {

using namespace bansuri;

void require(bool claim) {
    if (!claim) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 5) return 0;
    static const TimeZone zones[] = {TimeZone(), TimeZone::find("Europe/Berlin").value(),
                                     TimeZone::find("Australia/Lord_Howe").value(),
                                     TimeZone::find("Pacific/Apia").value()};
    // The first bytes choose the zone and the time, the rest is the text.
    const TimeZone& zone = zones[data[0] % 4];
    const std::uint32_t start =
        data[1] | data[2] << 8 | data[3] << 16 | static_cast<std::uint32_t>(data[4]) << 24;
    const std::string_view text(reinterpret_cast<const char*>(data) + 5, size - 5);

    const auto schedule = CronSchedule::parse(text, zone);
    if (!schedule) {
        require(schedule.error().code == ErrorCode::config_invalid);
        require(schedule.error().message.size() < 600);
        return 0;
    }
    UtcSeconds now{std::chrono::seconds(start)};
    for (int i = 0; i < 8; ++i) {
        const auto next = schedule->next_after(now);
        if (!next) break;
        require(*next > now);
        require(schedule->next_after(*next - std::chrono::seconds(1)) == next);
        now = *next;
    }
    return 0;
}
