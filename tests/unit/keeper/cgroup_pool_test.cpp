// SPDX-License-Identifier: MIT
#include "keeper/cgroup_pool.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "keeper/proc_file.hpp"
#include "unit/keeper/keeper_process.hpp"

namespace bansuri::keeper {
namespace {

class Pool : public testing::Test {
  protected:
    void SetUp() override {
        if (!pool) GTEST_SKIP() << "no writable cgroup v2 here";
        const auto read = [](const char* path) {
            std::ifstream file(path);
            return std::string(std::istreambuf_iterator<char>(file), {});
        };
        parent = own_cgroup_directory(read("/proc/self/cgroup"), read("/proc/self/mountinfo"));
        mine = parent + "/bansuri-" + std::to_string(::getpid());
    }
    /// A process in the leaf that waits to be killed.
    static pid_t start_in(const CgroupPool::Leaf& leaf) {
        const pid_t child = ::fork();
        if (child == 0) {
            for (;;) ::pause();
        }
        EXPECT_TRUE(write_small_file(leaf.directory.get(), "cgroup.procs", std::to_string(child)));
        return child;
    }
    std::optional<CgroupPool> pool = CgroupPool::open();
    std::string parent;
    std::string mine;
};

TEST_F(Pool, GivenALeafThatIsGivenBackEmpty_ThenItIsUsedAgain) {
    auto leaf = pool->take();
    ASSERT_TRUE(leaf);
    const int number = leaf->number;
    pool->give_back(std::move(*leaf));
    leaf = pool->take();
    ASSERT_TRUE(leaf);
    EXPECT_EQ(leaf->number, number);
}

TEST_F(Pool, GivenALeafWithAProcess_ThenItIsKnownKilledAtOnceAndNotUsedAgainBefore) {
    auto leaf = pool->take();
    ASSERT_TRUE(leaf);
    EXPECT_FALSE(CgroupPool::populated(*leaf));
    const pid_t child = start_in(*leaf);
    EXPECT_TRUE(CgroupPool::populated(*leaf));
    EXPECT_EQ(CgroupPool::processes(*leaf, 10), std::vector<pid_t>{child});
    const int number = leaf->number;
    CgroupPool::Leaf same{number, UniqueFd(::dup(leaf->directory.get()))};
    pool->give_back(std::move(*leaf));
    leaf = pool->take();
    ASSERT_TRUE(leaf);
    EXPECT_NE(leaf->number, number);
    EXPECT_TRUE(CgroupPool::kill(same));
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    // The next return is the occasion to remove the one that its survivor has left.
    pool->give_back(std::move(*leaf));
    EXPECT_FALSE(std::filesystem::exists(mine + "/" + std::to_string(number)));
}

TEST_F(Pool, GivenAProcessBelowTheLeaf_ThenItIsSeenAsWell) {
    auto leaf = pool->take();
    ASSERT_TRUE(leaf);
    ASSERT_EQ(::mkdirat(leaf->directory.get(), "below", 0755), 0);
    const CgroupPool::Leaf below{0, UniqueFd(::openat(leaf->directory.get(), "below", O_RDONLY))};
    const pid_t child = start_in(below);
    EXPECT_TRUE(CgroupPool::populated(*leaf));
    EXPECT_EQ(CgroupPool::processes(*leaf, 10), std::vector<pid_t>{child});
    EXPECT_TRUE(CgroupPool::kill(*leaf));
    ::waitpid(child, nullptr, 0);
    EXPECT_FALSE(CgroupPool::populated(*leaf));
}

TEST_F(Pool, GivenALeafThatSomebodyRemoved_ThenItIsEmptyAndNotUsedAgain) {
    auto leaf = pool->take();
    ASSERT_TRUE(leaf);
    ASSERT_EQ(::rmdir((mine + "/" + std::to_string(leaf->number)).c_str()), 0);
    EXPECT_FALSE(CgroupPool::populated(*leaf));
    EXPECT_FALSE(CgroupPool::kill(*leaf));
    pool->give_back(std::move(*leaf));
    leaf = pool->take();
    ASSERT_TRUE(leaf);
    EXPECT_EQ(::faccessat(leaf->directory.get(), "cgroup.procs", W_OK, 0), 0);
}

TEST_F(Pool, WhenItGoes_ThenNothingOfItIsLeft) {
    auto leaf = pool->take();
    ASSERT_TRUE(leaf);
    pool->give_back(std::move(*leaf));
    EXPECT_TRUE(std::filesystem::exists(mine));
    pool.reset();
    EXPECT_FALSE(std::filesystem::exists(mine));
}

TEST_F(Pool, GivenWhatADeadKeeperLeft_WhenAnotherOpens_ThenItIsRemovedAndThatOfALivingOneIsNot) {
    const pid_t dead = ::fork();
    if (dead == 0) ::_exit(0);
    ::waitpid(dead, nullptr, 0);
    const std::string stale = parent + "/bansuri-" + std::to_string(dead);
    const std::string living = parent + "/bansuri-" + std::to_string(::getppid());
    std::filesystem::create_directories(stale + "/7");
    const bool made = std::filesystem::create_directory(living);
    const auto another = CgroupPool::open();  // beside the first one, under the name after its own
    EXPECT_TRUE(another);
    EXPECT_FALSE(std::filesystem::exists(stale));
    EXPECT_TRUE(std::filesystem::exists(living));
    if (made) ::rmdir(living.c_str());
}

/// The leaf of a keeper that has died, with a process in it.
class DeadPool : public Pool {
  protected:
    void SetUp() override {
        Pool::SetUp();
        if (!pool) return;
        const pid_t dead = ::fork();
        if (dead == 0) ::_exit(0);
        ::waitpid(dead, nullptr, 0);
        directory = parent + "/bansuri-" + std::to_string(dead);
        std::filesystem::create_directories(directory + "/7");
        leaf.directory.reset(::open((directory + "/7").c_str(), O_RDONLY | O_CLOEXEC));
        child = start_in(leaf);
    }
    void TearDown() override {
        if (!pool) return;
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        ::rmdir((directory + "/7").c_str());
        ::rmdir(directory.c_str());
    }
    std::string directory;
    CgroupPool::Leaf leaf;
    pid_t child = -1;
};

TEST_F(DeadPool, GivenAProcessInIt_WhenAnotherKeeperOpens_ThenBothStay) {
    EXPECT_TRUE(CgroupPool::open());
    EXPECT_TRUE(alive(child));
    EXPECT_EQ(CgroupPool::processes(leaf, 10), std::vector<pid_t>{child});
}

TEST_F(DeadPool, WhenItsProcessIsAdopted_ThenItIsTheLeafThatIsKilledAndRemoved) {
    auto adopted = CgroupPool::adopt(child);
    ASSERT_TRUE(adopted);
    EXPECT_EQ(adopted->number, 7);
    EXPECT_EQ(CgroupPool::processes(*adopted, 10), std::vector<pid_t>{child});
    EXPECT_TRUE(CgroupPool::kill(*adopted));
    ASSERT_TRUE(eventually([&] { return !CgroupPool::populated(*adopted); }));
    CgroupPool::discard(std::move(*adopted));
    EXPECT_FALSE(std::filesystem::exists(directory + "/7"));
}

TEST_F(Pool, GivenAProcessOfALivingKeeperOrOfNone_ThenItsCgroupIsNotAdopted) {
    EXPECT_FALSE(CgroupPool::adopt(::getpid()));
    auto leaf = pool->take();
    ASSERT_TRUE(leaf);
    const pid_t child = start_in(*leaf);
    EXPECT_FALSE(CgroupPool::adopt(child));
    EXPECT_TRUE(CgroupPool::kill(*leaf));
    ::waitpid(child, nullptr, 0);
    pool->give_back(std::move(*leaf));
}

}  // namespace
}  // namespace bansuri::keeper
