// SPDX-License-Identifier: MIT
#include "core/exit_status.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace bansuri {
namespace {

TEST(ExitStatus, IsDescribedInTheWordsOfTheManual) {
    EXPECT_EQ(describe(ExitStatus::exited(3)), "exit code 3");
    EXPECT_EQ(describe(ExitStatus::signalled(SIGKILL)), "signal 9 (SIGKILL)");
    EXPECT_EQ(describe(ExitStatus::signalled(SIGSEGV, true)), "signal 11 (SIGSEGV), core dumped");
    EXPECT_EQ(describe(ExitStatus::signalled(SIGRTMIN + 3)), "signal 37");
}

TEST(ExitStatus, TheShellsCodeOfASignalIs128PlusIt) {
    EXPECT_EQ(ExitStatus::exited(3).shell_code(), 3);
    EXPECT_EQ(ExitStatus::signalled(SIGTERM).shell_code(), 143);
}

}  // namespace
}  // namespace bansuri
