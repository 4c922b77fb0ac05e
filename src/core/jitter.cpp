// SPDX-License-Identifier: MIT
#include "core/jitter.hpp"

#include <algorithm>
#include <cstdint>

namespace bansuri {
namespace {

/// FNV-1a. std::hash may be another one in the next version.
std::uint64_t hash(std::string_view text) {
    std::uint64_t value = 0xcbf29ce484222325U;
    for (const char each : text) {
        value = (value ^ static_cast<unsigned char>(each)) * 0x100000001b3U;
    }
    return value;
}

/// The finalizer of SplitMix64: instants that lie close to each other come far apart.
std::uint64_t mix(std::uint64_t value) {
    value += 0x9e3779b97f4a7c15U;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
    return value ^ (value >> 31);
}

}  // namespace

Duration part_of_jitter(std::string_view task, WallTime instant, Duration most) {
    if (most <= Duration::zero()) return Duration::zero();
    const auto count = static_cast<std::uint64_t>(instant.time_since_epoch().count());
    const std::uint64_t drawn = mix(hash(task) ^ mix(count));
    // The upper half of a product with 64 bits is the part without the bias of a remainder.
    __extension__ using Wide = unsigned __int128;
    return Duration(
        static_cast<Duration::rep>((Wide{drawn} * static_cast<std::uint64_t>(most.count())) >> 64));
}

Duration start_delay(const Task& task, WallTime instant) {
    if (task.jitter == Duration::zero()) return Duration::zero();
    Duration most = task.jitter;
    if (const auto* timer = std::get_if<Timer>(&task.schedule)) {
        most = std::min(most, timer->interval);
    } else if (const auto* cron = std::get_if<CronSchedule>(&task.schedule)) {
        const auto next = cron->next_after(std::chrono::floor<std::chrono::seconds>(instant));
        if (next) most = std::min(most, *next - instant);
    } else {
        return Duration::zero();
    }
    return part_of_jitter(task.name, instant, most);
}

}  // namespace bansuri
