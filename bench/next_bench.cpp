// SPDX-License-Identifier: MIT
//
// What it costs to find the next due time, for frequent and for rare dates, now and far ahead, and
// to parse. Each question starts elsewhere, so that no answer is merely repeated.
// `bench_next --benchmark_repetitions=9 --benchmark_report_aggregates_only` shows medians.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "core/cron.hpp"
#include "core/iso8601.hpp"

namespace bansuri {
namespace {

TimeZone zone_named(const char* name) { return TimeZone::find(name).value(); }

UtcSeconds instant(const char* text) {
    return std::chrono::floor<std::chrono::seconds>(parse_iso8601(text, TimeZone()).value());
}

void next_after(benchmark::State& state, const char* expression, const char* zone,
                const char* from) {
    const CronSchedule schedule = CronSchedule::parse(expression, zone_named(zone)).value();
    const UtcSeconds begin = instant(from);
    std::int64_t step = 0;
    for (auto _ : state) {
        // A year of starting points, 10 007 seconds apart.
        step = (step + 10'007) % 31'536'000;
        benchmark::DoNotOptimize(schedule.next_after(begin + std::chrono::seconds(step)));
    }
}

void parse(benchmark::State& state, const char* expression, const char* zone) {
    const TimeZone here = zone_named(zone);
    for (auto _ : state) benchmark::DoNotOptimize(CronSchedule::parse(expression, here));
}

constexpr const char* now = "2026-01-01";
constexpr const char* far_ahead = "2097-01-01";

BENCHMARK_CAPTURE(next_after, daily, "0 2 * * *", "Europe/Berlin", now);
BENCHMARK_CAPTURE(next_after, daily_utc, "0 2 * * *", "UTC", now);
BENCHMARK_CAPTURE(next_after, quarter_hours, "*/15 * * * *", "Europe/Berlin", now);
BENCHMARK_CAPTURE(next_after, working_days, "30 8-18/2 * * MON-FRI", "America/New_York", now);
BENCHMARK_CAPTURE(next_after, every_second, "* * * * * *", "Europe/Berlin", now);
BENCHMARK_CAPTURE(next_after, one_second_a_year, "59 59 23 31 12 *", "Europe/Berlin", now);
BENCHMARK_CAPTURE(next_after, last_friday, "0 0 * * 5L", "Europe/Berlin", now);
BENCHMARK_CAPTURE(next_after, leap_day, "0 0 29 2 *", "Europe/Berlin", now);
BENCHMARK_CAPTURE(next_after, leap_day_on_sunday, "0 0 29 2 */7", "Europe/Berlin", "2032-03-01");
BENCHMARK_CAPTURE(next_after, leap_day_on_sunday_far, "0 0 29 2 */7", "Europe/Berlin",
                  "2088-03-01");
BENCHMARK_CAPTURE(next_after, fifth_monday_of_february, "0 0 * 2 MON#5", "Australia/Lord_Howe",
                  "2044-03-01");
BENCHMARK_CAPTURE(next_after, elapsed_time_leap_day, "*/5 * 29 2 */7", "Europe/Berlin",
                  "2088-03-01");
BENCHMARK_CAPTURE(next_after, daily_far, "0 2 * * *", "Europe/Berlin", far_ahead);
BENCHMARK_CAPTURE(next_after, daily_year_9998, "0 2 * * *", "Europe/Berlin", "9998-01-01");
BENCHMARK_CAPTURE(parse, daily, "0 2 * * *", "Europe/Berlin");
BENCHMARK_CAPTURE(parse, long_list, "0,5,10,15,20,25,30,35,40,45,50,55 0-23 * JAN-DEC SUN-SAT",
                  "Europe/Berlin");
BENCHMARK_CAPTURE(parse, never_due, "0 0 31 2 *", "Europe/Berlin");
BENCHMARK_CAPTURE(parse, due_only_in_gaps, "* 2 * 3 7L", "Europe/Berlin");

}  // namespace
}  // namespace bansuri
