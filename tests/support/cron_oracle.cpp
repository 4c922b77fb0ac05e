// SPDX-License-Identifier: MIT
//
// A second opinion on cron.
#include "support/cron_oracle.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <sstream>
#include <stdexcept>

namespace bansuri::test {

namespace {

const std::map<std::string, int> month_numbers = {
    {"jan", 1}, {"feb", 2}, {"mar", 3}, {"apr", 4},  {"may", 5},  {"jun", 6},
    {"jul", 7}, {"aug", 8}, {"sep", 9}, {"oct", 10}, {"nov", 11}, {"dec", 12}};
const std::map<std::string, int> weekday_numbers = {{"sun", 0}, {"mon", 1}, {"tue", 2}, {"wed", 3},
                                                    {"thu", 4}, {"fri", 5}, {"sat", 6}};

std::vector<std::string> pieces(const std::string& text, char separator) {
    std::vector<std::string> result;
    std::istringstream stream(text);
    for (std::string piece; std::getline(stream, piece, separator);) result.push_back(piece);
    return result;
}

int value_of(const std::string& word, const std::map<std::string, int>& names) {
    const auto name = names.find(word.substr(0, 3));
    return name != names.end() ? name->second : std::stoi(word);
}

/// All values of one element of a list, by counting upwards and going round at the end.
std::vector<int> values_of(const std::string& element, int lowest, int highest,
                           const std::map<std::string, int>& names) {
    const auto halves = pieces(element, '/');
    const int step = halves.size() > 1 ? std::stoi(halves[1]) : 1;
    int first = lowest;
    int last = highest;
    if (halves[0] != "*" && halves[0] != "?") {
        const auto ends = pieces(halves[0], '-');
        first = value_of(ends[0], names);
        last = ends.size() > 1 ? value_of(ends[1], names) : halves.size() > 1 ? highest : first;
    }
    std::vector<int> values;
    int passed = 0;
    for (int value = first;; value = value == highest ? lowest : value + 1) {
        if (passed++ % step == 0) values.push_back(value);
        if (value == last) return values;
    }
}

std::set<int> set_of(const std::string& field, int lowest, int highest,
                     const std::map<std::string, int>& names = {}) {
    std::set<int> result;
    for (const auto& element : pieces(field, ',')) {
        for (const int value : values_of(element, lowest, highest, names)) {
            result.insert(value);
        }
    }
    return result;
}

bool starred(const std::string& field) { return field[0] == '*' || field[0] == '?'; }

std::tm civil(std::time_t local) {
    std::tm result{};
    gmtime_r(&local, &result);
    return result;
}

}  // namespace

void use_zone(const std::string& zone) {
    setenv("TZ", (":" + zone).c_str(), 1);
    tzset();
}

long offset_at(std::time_t instant) {
    std::tm local{};
    localtime_r(&instant, &local);
    return local.tm_gmtoff;
}

CronOracle::CronOracle(const std::string& expression, const std::string& zone) {
    use_zone(zone);
    std::istringstream stream(expression);
    std::vector<std::string> fields;
    for (std::string field; stream >> field;) {
        std::transform(field.begin(), field.end(), field.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        fields.push_back(field);
    }
    if (fields.size() == 6) {
        tick_ = 1;
        seconds_ = set_of(fields[0], 0, 59);
        fields.erase(fields.begin());
    } else {
        seconds_ = {0};
    }
    if (fields.size() != 5) throw std::invalid_argument(expression);
    minutes_ = set_of(fields[0], 0, 59);
    hours_ = set_of(fields[1], 0, 23);
    for (const auto& element : pieces(fields[2], ',')) {
        if (element == "l") {
            last_day_ = true;
        } else {
            for (const int day : set_of(element, 1, 31)) days_.insert(day);
        }
    }
    months_ = set_of(fields[3], 1, 12, month_numbers);
    read_weekdays(fields[4]);
    fixed_ = !starred(fields[0]) && !starred(fields[1]);
    day_star_ = starred(fields[2]);
    weekday_star_ = starred(fields[4]);
}

void CronOracle::read_weekdays(const std::string& field) {
    for (const auto& element : pieces(field, ',')) {
        const auto hash = element.find('#');
        if (hash != std::string::npos) {
            weekdays_.insert({value_of(element.substr(0, hash), weekday_numbers) % 7,
                              std::stoi(element.substr(hash + 1))});
        } else if (element.size() > 1 && element.back() == 'l') {
            weekdays_.insert({value_of(element, weekday_numbers) % 7, -1});
        } else {
            const auto halves = pieces(element, '/');
            const int step = halves.size() > 1 ? std::stoi(halves[1]) : 1;
            int first = 0;
            int last = 6;
            if (!starred(element)) {
                const auto ends = pieces(halves[0], '-');
                first = value_of(ends[0], weekday_numbers);
                last = ends.size() > 1     ? value_of(ends[1], weekday_numbers)
                       : halves.size() > 1 ? 7
                                           : first;
            }
            if (last < first) {
                first %= 7;
                last += last < first ? 7 : 0;
            }
            for (int day = first; day <= last; day += step) weekdays_.insert({day % 7, 0});
        }
    }
}

bool CronOracle::matches(std::time_t local) const {
    const std::tm at = civil(local);
    if (!seconds_.count(at.tm_sec) || !minutes_.count(at.tm_min) || !hours_.count(at.tm_hour) ||
        !months_.count(at.tm_mon + 1)) {
        return false;
    }
    constexpr std::time_t one_day = 86'400;
    const bool by_day =
        days_.count(at.tm_mday) || (last_day_ && civil(local + one_day).tm_mday == 1);
    const bool is_last = civil(local + 7 * one_day).tm_mon != at.tm_mon;
    const bool by_weekday = weekdays_.count({at.tm_wday, 0}) ||
                            weekdays_.count({at.tm_wday, (at.tm_mday + 6) / 7}) ||
                            (is_last && weekdays_.count({at.tm_wday, -1}));
    return day_star_ || weekday_star_ ? by_day && by_weekday : by_day || by_weekday;
}

std::vector<std::time_t> CronOracle::due_between(std::time_t now, std::time_t horizon,
                                                 std::size_t most) const {
    // A day of clock readings before `now` tells which local times have been read already.
    const std::time_t look_back = fixed_ ? 86'400 : 0;
    const std::time_t start = (now - look_back) / tick_ * tick_;
    std::time_t latest_reading = start + offset_at(start);
    std::vector<std::time_t> found;
    for (std::time_t instant = start; instant <= horizon && found.size() < most; instant += tick_) {
        const std::time_t reading = instant + offset_at(instant);
        bool due = false;
        if (!fixed_) {
            due = matches(reading);
        } else {
            for (; latest_reading < reading; latest_reading += tick_) {
                due = due || matches(latest_reading + tick_);
            }
        }
        if (due && instant > now) found.push_back(instant);
    }
    return found;
}

std::optional<std::time_t> CronOracle::next_after(std::time_t now, std::time_t horizon) const {
    const auto found = due_between(now, horizon, 1);
    return found.empty() ? std::nullopt : std::optional(found.front());
}

}  // namespace bansuri::test
