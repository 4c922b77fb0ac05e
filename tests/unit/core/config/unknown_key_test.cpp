// SPDX-License-Identifier: MIT
#include "core/config/unknown_key.hpp"

#include <gmock/gmock.h>

#include "unit/core/config/parsing.hpp"

namespace bansuri {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(EditDistance, CountsInsertionsDeletionsChangesAndSwaps) {
    struct Row {
        const char* a;
        const char* b;
        std::size_t distance;
    };
    const Row rows[] = {{"", "", 0},          {"abc", "abc", 0}, {"", "abc", 3},
                        {"timer", "timr", 1}, {"abc", "acb", 1}, {"kitten", "sitting", 3},
                        {"ca", "abc", 3}};
    for (const Row& row : rows) {
        EXPECT_EQ(config::edit_distance(row.a, row.b), row.distance) << row.a << " " << row.b;
        EXPECT_EQ(config::edit_distance(row.b, row.a), row.distance) << row.b << " " << row.a;
    }
}

TEST(UnknownKey, SuggestsWhatWasMeant) {
    struct Row {
        const char* key;
        const char* meant;
    };
    const Row rows[] = {
        {"timr", "timer"},
        {"Timer", "timer"},
        {"cron", "schedule-cron"},
        {"schedule", "schedule-cron"},
        {"schedule_cron", "schedule-cron"},
        {"scheduleCron", "schedule-cron"},
        {"on_fail", "on-fail"},
        {"ON-FAIL", "on-fail"},
        {"cmd", "command"},
        {"comand", "command"},
        {"env", "environment"},
        {"cwd", "working-directory"},
        {"working_dir", "working-directory"},
        {"retries", "times"},
        {"max-retries", "max-attempts"},
        {"time-out", "timeout"},
        {"stdot", "stdout"},
        {"outputlimit", "output-limit"},
        {"interval", "timer"},
        {"enviroment", "environment"},
        {"depends_on", "depends-on"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.key);
        EXPECT_THAT(errors_of(with_key("\"" + std::string(row.key) + "\": 1")),
                    ElementsAre(HasSubstr("key \"" + std::string(row.key) +
                                          "\": unknown key; did you mean \"" + row.meant + "\"?")));
    }
    EXPECT_THAT(
        errors_of(R"({"script": [], "scripts": [], "notify-command": "x", "Version": "1.0"})"),
        ElementsAre(HasSubstr("did you mean \"scripts\"?"),
                    HasSubstr("did you mean \"notify_command\"?"),
                    HasSubstr("did you mean \"version\"?")));
}

TEST(UnknownKey, StandsAtItsOwnPlaceAndShowsNoValue) {
    EXPECT_THAT(errors_of("{\"scripts\": [],\n\t\"é\": {\"a\": [1, {}]}, \"x\": 2}"),
                ElementsAre("f:2:2: error: key \"é\": unknown key; remove it; "
                            "docs/configuration.md lists the keys",
                            HasSubstr("f:2:23: error: key \"x\"")));
}

TEST(UnknownKey, KnownElsewhereIsSentThere) {
    EXPECT_THAT(errors_of(with_key(R"("notify_command": "x")")),
                ElementsAre(HasSubstr("it is a key of the root; move it to the root")));
    EXPECT_THAT(
        errors_of(R"({"scripts": [], "timeout": 5})"),
        ElementsAre(HasSubstr("it is a key of a task; move it into a task, or into \"defaults\"")));
    EXPECT_THAT(errors_of(R"({"scripts": [], "command": "x"})"),
                ElementsAre(HasSubstr("it is a key of a task; move it into a task")));
}

TEST(UnknownKey, OfAnySizeIsHarmless) {
    EXPECT_THAT(errors_of(with_key("\"" + std::string(100'000, 'k') + "\": 1")),
                ElementsAre(HasSubstr("kkk...\": unknown key; remove it")));
    EXPECT_THAT(errors_of(with_key(R"("\u001b[2J": 1)")),
                ElementsAre(HasSubstr("key \"\\u001b[2J\": unknown key")));
    EXPECT_THAT(errors_of(with_key(R"("": 1)")), ElementsAre(HasSubstr("unknown key")));
}

}  // namespace
}  // namespace bansuri
