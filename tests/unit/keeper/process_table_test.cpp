// SPDX-License-Identifier: MIT
#include "keeper/process_table.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "keeper/cgroup_pool.hpp"

namespace bansuri::keeper {
namespace {

TEST(ProcessInfo, GivenANameThatLooksLikeFields_ThenTheFieldsAfterItAreRead) {
    const auto info = ProcessInfo::parse(
        "41 (a) Z 9 (b\n) S 7 40 39 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 12345 100 10\n");
    ASSERT_TRUE(info);
    EXPECT_EQ(info->pid, 41);
    EXPECT_EQ(info->parent, 7);
    EXPECT_EQ(info->group, 40);
    EXPECT_EQ(info->session, 39);
    EXPECT_EQ(info->start_time, 12345U);
    EXPECT_FALSE(info->dead);
}

TEST(ProcessInfo, GivenATextThatIsNoStat_ThenThereIsNoInfo) {
    for (const char* text :
         {"", "41", "41 (sh", "41 (sh)", "41 (sh) S", "41 (sh) S 1 2 3", "x (sh) S 1"}) {
        EXPECT_FALSE(ProcessInfo::parse(text)) << text;
    }
}

TEST(ProcessInfo, GivenThisProcess_ThenItIsFoundInTheTable) {
    const auto info = ProcessInfo::read(::getpid());
    ASSERT_TRUE(info);
    EXPECT_EQ(info->parent, ::getppid());
    EXPECT_EQ(info->session, ::getsid(0));
    const ProcessTable table = ProcessTable::read();
    EXPECT_NE(table.find(::getpid()), ProcessTable::npos);
}

TEST(SignalProcess, GivenAnotherStartTime_ThenTheStrangerIsNotSignalled) {
    const pid_t child = ::fork();
    if (child == 0) {
        for (;;) ::pause();
    }
    auto stranger = ProcessInfo::read(child);
    ASSERT_TRUE(stranger);
    ++stranger->start_time;
    EXPECT_FALSE(signal_process(*stranger, SIGKILL));
    EXPECT_EQ(::kill(child, 0), 0);
    --stranger->start_time;
    EXPECT_TRUE(signal_process(*stranger, SIGKILL));
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST(OwnCgroup, Directory) {
    struct Row {
        const char* why;
        const char* cgroup;
        const char* mountinfo;
        const char* directory;
    };
    const Row rows[] = {
        {"systemd's layout", "0::/system.slice/bansuri.service\n",
         "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
         "/sys/fs/cgroup/system.slice/bansuri.service"},
        {"hybrid: v2 beside the controllers of v1", "8:pids:/\n4:memory:/x\n0::/\n",
         "40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n"
         "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
         "/sys/fs/cgroup/unified"},
        {"a bind mount of our part", "0::/docker/abc/inner\n",
         "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n", "/sys/fs/cgroup/inner"},
        {"a mount that does not show us", "0::/docker/abcd\n",
         "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup rw\n", ""},
        {"outside of our cgroup namespace", "0::/../other\n",
         "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n", ""},
        {"a blank in the mount point", "0::/a\n",
         "30 23 0:26 / /mnt/c\\040g rw - cgroup2 cgroup rw\n", "/mnt/c g/a"},
        {"v1 only", "4:memory:/x\n", "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n",
         ""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        EXPECT_EQ(own_cgroup_directory(row.cgroup, row.mountinfo), row.directory);
    }
}

}  // namespace
}  // namespace bansuri::keeper
