// SPDX-License-Identifier: MIT
#include "engine/environment.hpp"

#include <gmock/gmock.h>

#include "support/simulated_world.hpp"

namespace bansuri::engine {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

TEST(Environment, BansurisOwnVariablesAreNotInherited) {
    const char* const environ[] = {"PATH=/bin",    "BANSURI_KEEPER_FD=3", "NOTIFY_SOCKET=/run/x",
                                   "LISTEN_FDS=1", "HOME=/root",          "ODD",
                                   nullptr};
    EXPECT_THAT(inheritable(environ), ElementsAre("PATH=/bin", "HOME=/root", "ODD"));
}

TEST(Environment, ATasksVariablesReplaceInheritedOnes) {
    Task task;
    task.name = "t";
    task.command.environment = {{"PATH", "/opt/bin"}, {"NEW", "a=b"}};
    const Environment made = environment_of(task, {"PATH=/bin", "HOME=/root"}, {}, {7, 2},
                                            testing::utc("2026-01-01T02:00:00"));
    EXPECT_THAT(made, ElementsAre("PATH=/opt/bin", "HOME=/root", "NEW=a=b", "BANSURI_TASK=t",
                                  "BANSURI_RUN_ID=7", "BANSURI_ATTEMPT=2",
                                  "BANSURI_SCHEDULED_AT=2026-01-01T02:00:00Z"));
}

TEST(Environment, ACleanOneKeepsOnlyTheSevenThatPeopleRelyOn) {
    Task task;
    task.name = "t";
    task.command.clean_environment = true;
    task.command.environment = {{"MINE", "1"}};
    const Environment made = environment_of(task, {"PATH=/bin", "SECRET=x", "LANG=C", "PATHS=/x"},
                                            {}, {1, 1}, WallTime{});
    EXPECT_THAT(made, Contains("PATH=/bin"));
    EXPECT_THAT(made, Contains("LANG=C"));
    EXPECT_THAT(made, Contains("MINE=1"));
    EXPECT_THAT(made, Not(Contains("SECRET=x")));
    EXPECT_THAT(made, Not(Contains("PATHS=/x")));
}

TEST(Environment, ATaskCannotPretendToBeAnother) {
    Task task;
    task.name = "honest";
    task.command.environment = {{"BANSURI_TASK", "other"}};
    EXPECT_THAT(environment_of(task, {}, {}, {1, 1}, WallTime{}), Contains("BANSURI_TASK=honest"));
}

}  // namespace
}  // namespace bansuri::engine
