// SPDX-License-Identifier: MIT
//
// A second opinion on cron, for property tests: it reads the fields in its own way, asks glibc for
// the local time, and walks tick by tick. Slow and plain on purpose; shares no code with src/.
#pragma once

#include <ctime>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace bansuri::test {

class CronOracle {
  public:
    /// Throws std::invalid_argument on what it does not understand. Sets TZ of the whole process:
    /// one oracle at a time, one thread.
    CronOracle(const std::string& expression, const std::string& zone);

    /// Due times strictly after `now` and not after `horizon` (seconds since 1970), in order; the
    /// first `most` of them. Right from 1975 on, when all offsets had become whole minutes.
    std::vector<std::time_t> due_between(std::time_t now, std::time_t horizon,
                                         std::size_t most) const;
    /// The first of them.
    std::optional<std::time_t> next_after(std::time_t now, std::time_t horizon) const;

  private:
    struct Weekday {
        int number;  ///< 0 = Sunday
        int which;   ///< of the month: 1..5, -1 the last, 0 any
        bool operator<(const Weekday& o) const {
            return number != o.number ? number < o.number : which < o.which;
        }
    };
    bool matches(std::time_t local) const;
    void read_weekdays(const std::string& field);

    std::set<int> seconds_, minutes_, hours_, days_, months_;
    std::set<Weekday> weekdays_;
    bool last_day_ = false;
    bool day_star_ = false;
    bool weekday_star_ = false;
    bool fixed_ = false;
    std::time_t tick_ = 60;
};

/// The difference from UTC that glibc sees at an instant, in the zone of the last oracle made or
/// of use_zone().
long offset_at(std::time_t instant);
void use_zone(const std::string& zone);

}  // namespace bansuri::test
