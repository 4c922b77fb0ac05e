// SPDX-License-Identifier: MIT
#include "cli/table.hpp"

#include <gmock/gmock.h>

#include <sstream>

#include "cli/shown.hpp"
#include "core/utf8.hpp"
#include "support/times.hpp"

namespace bansuri::cli {
namespace {

using namespace std::chrono_literals;
using test::utc;

Table sample() {
    Table table(
        {{"TASK", false, true}, {"STATE"}, {"TOOK", true}, {"EMPTY"}, {"NOTE", false, true}});
    table.add({{"backup-of-the-whole-shop"}, {"RUNNING", Colour::green}, {"5m"}, {""}, {"run 17"}});
    table.add({{"x"}, {"FAILED", Colour::red}, {"12m30s"}, {""}, {"could not reach the server"}});
    return table;
}

std::string printed(const Table& table, std::size_t width, bool colours = false) {
    std::ostringstream out;
    table.print(out, width, colours);
    return out.str();
}

TEST(Table, AlignsItsColumnsAndLeavesOutWhatIsEmpty) {
    EXPECT_EQ(printed(sample(), 0),
              "TASK                      STATE      TOOK  NOTE\n"
              "backup-of-the-whole-shop  RUNNING      5m  run 17\n"
              "x                         FAILED   12m30s  could not reach the server\n");
}

TEST(Table, CutsNamesBeforeAnythingElse) {
    EXPECT_EQ(printed(sample(), 45),
              "TASK           STATE      TOOK  NOTE\n"
              "backup-of-th…  RUNNING      5m  run 17\n"
              "x              FAILED   12m30s  could not re…\n");
}

TEST(Table, NeverExceedsTheTerminal) {
    for (std::size_t width = 1; width < 90; ++width) {
        std::istringstream lines(printed(sample(), width));
        for (std::string line; std::getline(lines, line);) {
            EXPECT_LE(columns_of(line), width) << line;
        }
    }
}

TEST(Table, ShowsWhatWouldActOnATerminal) {
    Table table({{"TASK"}});
    table.add({{"a\x1b[2J\nb"}});
    EXPECT_EQ(printed(table, 0), "TASK\na\\x1b[2J\\x0ab\n");
}

TEST(Table, HasColoursOnlyWhenTheyAreWanted) {
    Table table({{"STATE"}});
    table.add({{"FAILED", Colour::red}});
    EXPECT_EQ(printed(table, 0), "STATE\nFAILED\n");
    EXPECT_EQ(printed(table, 0, true), "\x1b[2mSTATE\x1b[0m\n\x1b[31mFAILED\x1b[0m\n");
}

TEST(Shown, TimesAreShortAndSpansHaveTwoUnits) {
    const WallTime now = utc("2026-03-29T12:00");
    const TimeZone berlin = test::zone("Europe/Berlin");
    EXPECT_EQ(shown_time(utc("2026-03-29T02:00"), now, TimeZone()), "02:00");
    EXPECT_EQ(shown_time(utc("2026-03-29T02:00:05"), now, TimeZone()), "02:00:05");
    EXPECT_EQ(shown_time(utc("2026-03-28T23:30"), now, TimeZone()), "2026-03-28 23:30");
    EXPECT_EQ(shown_time(utc("2026-03-28T23:30"), now, berlin), "00:30");

    const std::pair<Duration, const char*> rows[] = {
        {0s, "0s"},           {850ms, "850ms"},    {1'234ms, "1.2s"}, {12'345ms, "12s"},
        {59'999ms, "59s"},    {312s, "5m12s"},     {1h, "1h"},        {3h + 20min + 5s, "3h20m"},
        {76h + 5min, "3d4h"}, {24h * 400, "400d"}, {-5s, "0s"}};
    for (const auto& [span, text] : rows) EXPECT_EQ(shown_span(span), text);
}

}  // namespace
}  // namespace bansuri::cli
