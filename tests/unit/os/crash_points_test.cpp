// SPDX-License-Identifier: MIT
#include "os/crash_points.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "core/crash_point.hpp"

namespace bansuri::os {
namespace {

#ifdef BANSURI_CRASH_POINTS
/// How many passages of "after-intent" a process survives, five at most.
int survived(const char* wish, const char* daemon) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::setenv("BANSURI_FAIL", wish, 1);
        ::setenv("BANSURI_DAEMON", daemon, 1);
        arm_crash_points();
        int passed = 0;
        for (; passed < 5; ++passed) crash_point("after-intent");
        ::_exit(passed);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(CrashPoints, TheFirstDaemonIsKilledAtThePassageThatWasAskedFor) {
    EXPECT_EQ(survived("after-intent:3", "1"), -SIGKILL);
    EXPECT_EQ(survived("after-intent:5", "1"), -SIGKILL);
    EXPECT_EQ(survived("after-intent:6", "1"), 5);
    EXPECT_EQ(survived("before-intent:1", "1"), 5);
}

TEST(CrashPoints, TheNextDaemonGoesOn) { EXPECT_EQ(survived("after-intent:1", "2"), 5); }
#endif

}  // namespace
}  // namespace bansuri::os
