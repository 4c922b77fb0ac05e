// SPDX-License-Identifier: MIT
//
// One zone of the IANA database. The date library reads the compiled files; it holds the last
// offset for ever after the last listed transition (2037 at most), so from there the rule in the
// file's last line takes over.
#include "core/time_zone.hpp"

#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "core/posix_rule.hpp"
#include "core/quote.hpp"

namespace bansuri {

struct TimeZone::Data {
    struct Turn {
        UtcSeconds begin;
        std::chrono::seconds offset;
    };
    std::string name;
    std::vector<Turn> turns;        ///< in order, never empty; each lasts until the next
    std::optional<PosixRule> rule;  ///< from the last turn on
};

namespace {

// Where the date library looks; nothing outside is ever opened for a zone.
constexpr std::string_view database_folder = "/usr/share/zoneinfo/";

// All of time: what WallTime holds, with room to add an offset.
constexpr UtcSeconds begin_of_time{std::chrono::seconds(-(std::int64_t{1} << 43))};
constexpr UtcSeconds end_of_time{std::chrono::seconds(std::int64_t{1} << 43)};

tl::unexpected<Error> no_such_zone(std::string_view name, const std::string& remedy) {
    return fail(ErrorCode::not_found, fmt::format("no time zone {}; {}", quote(name), remedy));
}

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same_but_for_case(std::string_view a, std::string_view b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](char x, char y) { return lower(x) == lower(y); });
}

std::string remedy_for(std::string_view name, const date::tzdb& database) {
    for (const date::time_zone& zone : database.zones) {
        if (zone.name() != name && same_but_for_case(zone.name(), name)) {
            return fmt::format("did you mean {}?", quote(zone.name()));
        }
    }
    return "write a name such as \"Europe/Berlin\" or \"UTC\" (timedatectl list-timezones)";
}

std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

/// The rule in the last line of a compiled zone; files of the first version have none.
std::optional<PosixRule> rule_of(const std::string& zone) {
    const std::string bytes = bytes_of(std::string(database_folder) + zone);
    if (bytes.size() < 2 || bytes.back() != '\n') return std::nullopt;
    const auto line = bytes.rfind('\n', bytes.size() - 2);
    if (line == std::string::npos) return std::nullopt;
    return PosixRule::parse(std::string_view(bytes).substr(line + 1, bytes.size() - line - 2));
}

std::shared_ptr<const TimeZone::Data> read_zone(const date::time_zone& zone) {
    auto data = std::make_shared<TimeZone::Data>();
    data->name = zone.name();
    constexpr date::sys_seconds far_future = date::sys_days{date::year{30'000} / date::January / 1};
    date::sys_seconds instant = -(far_future - date::sys_seconds{}) + date::sys_seconds{};
    for (;;) {
        const date::sys_info info = zone.get_info(instant);
        // Some turns change only the abbreviation.
        if (data->turns.empty() || data->turns.back().offset != info.offset) {
            data->turns.push_back(
                {data->turns.empty() ? begin_of_time : UtcSeconds(info.begin), info.offset});
        }
        if (info.end >= far_future) break;
        instant = info.end;
    }
    data->turns.shrink_to_fit();
    data->rule = rule_of(data->name);
    return data;
}

std::shared_ptr<const TimeZone::Data> utc_data() {
    static const auto data = std::make_shared<const TimeZone::Data>(
        TimeZone::Data{"UTC", {{begin_of_time, std::chrono::seconds(0)}}, std::nullopt});
    return data;
}

/// The zone that a path such as "/usr/share/zoneinfo/Europe/Berlin" stands for, if it is one.
std::optional<TimeZone> zone_at(std::string_view path) {
    constexpr std::string_view folder_name = "zoneinfo/";
    const auto folder = path.find(folder_name);
    if (folder != std::string_view::npos) path.remove_prefix(folder + folder_name.size());
    constexpr std::string_view same_as_above = "posix/";
    if (path.starts_with(same_as_above)) path.remove_prefix(same_as_above.size());
    const auto zone = TimeZone::find(path);
    return zone ? std::optional(*zone) : std::nullopt;
}

/// Containers are often given a copy of the zone's file: its name is found by its content.
std::optional<TimeZone> zone_like(const std::filesystem::path& copy) {
    std::error_code error;
    const auto size = std::filesystem::file_size(copy, error);
    if (error || size > 1'000'000) return std::nullopt;
    const std::string wanted = bytes_of(copy);
    for (const date::time_zone& zone : date::get_tzdb().zones) {
        const std::string path = std::string(database_folder) + zone.name();
        if (zone.name() == "localtime" || std::filesystem::file_size(path, error) != size) continue;
        if (bytes_of(path) == wanted) return zone_at(zone.name());
    }
    return std::nullopt;
}

}  // namespace

TimeZone::TimeZone() : data_(utc_data()) {}

Result<TimeZone> TimeZone::find(std::string_view name) {
    if (name == "UTC") return TimeZone();  // also where no database is installed
    static std::mutex guard;
    static std::map<std::string, std::shared_ptr<const Data>, std::less<>> zones;
    const std::lock_guard lock(guard);
    if (const auto known = zones.find(name); known != zones.end()) return TimeZone(known->second);
    try {
        const date::tzdb& database = date::get_tzdb();
        // Only a name that the library listed when it walked the database is ever opened.
        const auto zone = std::lower_bound(
            database.zones.begin(), database.zones.end(), name,
            [](const date::time_zone& z, std::string_view n) { return z.name() < n; });
        // "localtime" is no zone but a link to the machine's own, whichever that is.
        if (zone == database.zones.end() || zone->name() != name || name == "localtime") {
            return no_such_zone(name, remedy_for(name, database));
        }
        auto data = read_zone(*zone);
        return TimeZone(zones.emplace(data->name, data).first->second);
    } catch (const std::exception& broken) {
        return no_such_zone(name, fmt::format("the time zone database {} cannot be read ({}); "
                                              "install the package tzdata",
                                              database_folder, broken.what()));
    }
}

TimeZone TimeZone::system() {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing in this program writes its own environment.
    if (const char* variable = std::getenv("TZ")) {
        std::string_view name = variable;
        if (name.starts_with(':')) name.remove_prefix(1);
        if (name.empty()) return TimeZone();  // as in tzset(3)
        if (const auto zone = zone_at(name)) return *zone;
    }
    std::error_code error;
    const std::filesystem::path link = "/etc/localtime";
    if (const auto target = std::filesystem::read_symlink(link, error); !error) {
        if (const auto zone = zone_at(target.native())) return *zone;
    }
    if (const auto target = std::filesystem::canonical(link, error); !error) {
        if (const auto zone = zone_at(target.native())) return *zone;
    }
    std::ifstream file("/etc/timezone");
    std::string name;
    if (file >> name) {
        if (const auto zone = zone_at(name)) return *zone;
    }
    try {
        if (const auto zone = zone_like(link)) return *zone;
    } catch (const std::exception&) {
        // Without a database there is no zone but UTC.
    }
    return TimeZone();
}

const std::string& TimeZone::name() const { return data_->name; }

TimeZone::Span TimeZone::span_at(UtcSeconds instant) const {
    const auto& turns = data_->turns;
    const auto after =
        std::upper_bound(turns.begin() + 1, turns.end(), instant,
                         [](UtcSeconds i, const Data::Turn& turn) { return i < turn.begin; });
    const Data::Turn& turn = *std::prev(after);
    if (after != turns.end()) return {turn.begin, after->begin, turn.offset};
    if (!data_->rule) return {turn.begin, end_of_time, turn.offset};
    const Span span = data_->rule->span_at(instant);
    return {std::max(span.begin, turn.begin), std::min(span.end, end_of_time), span.offset};
}

UtcSeconds TimeZone::first_reading(UtcSeconds local) const {
    // No zone is as far as 26 hours from UTC, so this span still reads less than `local`.
    for (Span span = span_at(local - std::chrono::hours(26));; span = span_at(span.end)) {
        if (span.end + span.offset > local || span.end >= end_of_time) {
            return std::max(span.begin, local - span.offset);
        }
    }
}

}  // namespace bansuri
