// SPDX-License-Identifier: MIT
#include "core/config/cron_advice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace bansuri::config {
namespace {

constexpr std::string_view blanks = " \t\r\n\v\f";

struct Field {
    std::string_view name;
    unsigned values = 0;     // 0: they vary, as the days of a month do
    std::string_view cycle;  // what begins anew when the values are through
};
constexpr Field fields[] = {
    {"second", 60, "minute"}, {"minute", 60, "hour"}, {"hour", 24, "day"},
    {"day", 0, "month"},      {"month", 12, "year"},  {"weekday", 0, "week"},
};

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> parts;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
        if (end > at) parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

bool is_restricted(std::string_view field) { return field[0] != '*' && field[0] != '?'; }

}  // namespace

std::vector<Problem> advise_on_cron(std::string_view expression) {
    std::vector<Problem> advice;
    const auto parts = split(expression, blanks);
    if (parts.size() != 5 && parts.size() != 6) return advice;  // a macro
    const Field* const first = parts.size() == 6 ? fields : fields + 1;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const Field& field = first[i];
        for (const std::string_view element : split(parts[i], ",")) {
            if (!element.starts_with("*/") || field.values == 0) continue;
            unsigned step = 0;
            std::from_chars(element.data() + 2, element.data() + element.size(), step);
            if (step == 0 || field.values % step == 0) continue;
            advice.push_back(
                {fmt::format("the {} step {} does not divide {}, so the last pause of each {} is "
                             "shorter",
                             field.name, step, field.values, field.cycle),
                 fmt::format("choose a divisor of {}, or use \"timer\" for equal pauses",
                             field.values)});
        }
    }
    const std::string_view day = parts[parts.size() - 3];
    const std::string_view weekday = parts[parts.size() - 1];
    if (is_restricted(day) && is_restricted(weekday)) {
        advice.push_back(
            {"day and weekday are both restricted, so the task is due when either "
             "matches",
             "write * for one of them unless that is meant"});
    }
    return advice;
}

}  // namespace bansuri::config
