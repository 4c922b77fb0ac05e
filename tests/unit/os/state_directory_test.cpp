// SPDX-License-Identifier: MIT
#include "os/state_directory.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "support/temporary_directory.hpp"

namespace bansuri::os {
namespace {

using ::testing::HasSubstr;

class StateDirectoryTest : public ::testing::Test {
  protected:
    /// Why the directory cannot be had; nothing: it can.
    std::string refusal() const {
        const auto opened = StateDirectory::open(path);
        return opened ? std::string() : opened.error().message;
    }
    std::string holder() const {
        std::string pid;
        std::ifstream(path + "/lock") >> pid;
        return pid;
    }
    /// The exit code of what is done in a child.
    static int in_a_child(const std::function<int()>& what) {
        const pid_t pid = ::fork();
        if (pid == 0) ::_exit(what());
        int status = 0;
        ::waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    testing::TemporaryDirectory directory;
    const std::string path = directory.path("state");
    const std::string own_pid = std::to_string(::getpid());
};

TEST_F(StateDirectoryTest, GivenAHolder_ThenNobodyElseGetsItAndIsToldWho) {
    const auto held = StateDirectory::open(path);
    ASSERT_TRUE(held);
    EXPECT_EQ(holder(), own_pid);
    EXPECT_THAT(refusal(), HasSubstr("the process " + own_pid + " is using it"));
}

TEST_F(StateDirectoryTest, GivenThatItsLockFileIsRemovedOrReplaced_ThenNobodyElseGetsIt) {
    const auto held = StateDirectory::open(path);
    ASSERT_TRUE(held);
    std::ofstream(path + "/other") << own_pid;
    std::filesystem::rename(path + "/other", path + "/lock");
    EXPECT_THAT(refusal(), HasSubstr("the process " + own_pid + " is using it"));
    std::filesystem::remove(path + "/lock");
    EXPECT_THAT(refusal(), HasSubstr("another process is using it"));
    EXPECT_FALSE(std::filesystem::exists(path + "/lock"));
}

TEST_F(StateDirectoryTest, GivenClosedStandardStreams_ThenItsDescriptorsAreNotTheirs) {
    const int lowest = in_a_child([this] {
        for (int fd = 0; fd <= 20; ++fd) ::close(fd);
        const auto held = StateDirectory::open(path);
        if (!held) return 0;
        const auto descriptors = held->descriptors();
        return *std::min_element(descriptors.begin(), descriptors.end());
    });
    EXPECT_EQ(lowest, 10);
}

TEST_F(StateDirectoryTest, GivenAHolderThatIsDeadAndLeavesTheLockALittleLonger_ThenItIsWaitedFor) {
    // The child of the holder has its descriptors, as a daemon has those of its keeper.
    std::array<int, 2> go{};
    ASSERT_EQ(::pipe2(go.data(), O_CLOEXEC), 0);
    ASSERT_EQ(in_a_child([&] {
                  const auto held = StateDirectory::open(path);
                  if (held && ::fork() != 0) ::_exit(0);
                  ::close(go[1]);
                  char byte = 0;
                  (void)!::read(go[0], &byte, 1);  // until the test goes on
                  ::usleep(300'000);               // and then a little, as one that flushes
                  return 0;
              }),
              0);
    ::close(go[1]);
    ::close(go[0]);
    EXPECT_EQ(refusal(), "");
}

TEST_F(StateDirectoryTest, GivenADeadHolderWhoseLockStays_ThenTheRefusalSaysSo) {
    const auto held = StateDirectory::open(path);
    ASSERT_TRUE(held);
    const pid_t child = ::fork();
    if (child == 0) ::_exit(0);
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT);  // a zombie
    std::ofstream(path + "/lock") << child;
    EXPECT_THAT(refusal(), HasSubstr("what the process " + std::to_string(child) + " has left"));
    ::waitpid(child, nullptr, 0);
}

TEST_F(StateDirectoryTest, AChildKnowsWhetherItHasInheritedTheLockOfWhatIsThereNow) {
    const auto held = StateDirectory::open(path);
    ASSERT_TRUE(held);
    const auto is_held = [this] { return StateDirectory::is_held_above(path) ? 1 : 0; };
    EXPECT_EQ(in_a_child(is_held), 1);

    std::filesystem::remove(path + "/lock");
    EXPECT_EQ(in_a_child(is_held), 1);
    EXPECT_EQ(holder(), own_pid) << "written anew";

    std::filesystem::remove_all(path);
    EXPECT_EQ(in_a_child(is_held), 0);
    std::filesystem::create_directory(path);
    EXPECT_EQ(in_a_child(is_held), 0);
    EXPECT_EQ(::chmod(path.c_str(), 0700), 0);
    EXPECT_EQ(in_a_child([this] { return StateDirectory::open(path) ? 1 : 0; }), 1);
}

TEST_F(StateDirectoryTest, GivenAnOpenDirectoryWithoutItsLock_ThenItIsNotHeldAbove) {
    std::filesystem::create_directory(path);
    const keeper::UniqueFd ours(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const keeper::UniqueFd high(::fcntl(ours.get(), F_DUPFD_CLOEXEC, 10));
    ASSERT_EQ(::chmod(path.c_str(), 0700), 0);
    const auto held = StateDirectory::open(path);  // as another process would
    ASSERT_TRUE(held);
    EXPECT_EQ(in_a_child([&] {
                  for (const int fd : held->descriptors()) ::close(fd);
                  return StateDirectory::is_held_above(path) ? 1 : 0;
              }),
              0);
}

}  // namespace
}  // namespace bansuri::os
