// SPDX-License-Identifier: MIT
//
// As whom a task runs: exactly the user that was asked for, or not at all.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "unit/keeper/keeper_process.hpp"

namespace bansuri::keeper {
namespace {

constexpr AttemptId id{4711, 2};
// Of nobody on any machine.
constexpr std::uint32_t user = 61'234;
constexpr std::uint32_t group = 61'235;

class IdentityTest : public ::testing::TestWithParam<bool> {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
        char name[] = "/tmp/bansuri-identity-XXXXXX";
        directory_ = ::mkdtemp(name);
        ::chmod(directory_.c_str(), 0755);
    }
    void TearDown() override {
        if (!directory_.empty()) std::filesystem::remove_all(directory_);
    }
    static Options options() {
        Options options;
        options.use_clone3 = GetParam();
        return options;
    }
    static Order as_user(Order order, std::vector<std::uint32_t> groups = {user + 5, user + 9}) {
        order.change = [groups = std::move(groups)](StartSpec& spec) {
            spec.identity = {user, group, groups};
        };
        return order;
    }
    static std::string output_of(const Order& order) {
        KeeperProcess keeper(options());
        Peer peer(keeper.socket());
        peer.launch(id, order);
        std::string output = peer.read_all(id);
        EXPECT_EQ(peer.finish(id).status, 0);
        return output;
    }
    static SpawnError failure_of(const Order& order, const std::function<void()>& before = {}) {
        KeeperProcess keeper(options(), before);
        Peer peer(keeper.socket());
        peer.start(id, order);
        const auto failure = peer.expect(MessageType::spawn_error, id).body<SpawnError>();
        EXPECT_EQ(children_of(keeper.pid()), 0);
        return failure;
    }
    std::string path(const char* name) const { return directory_ + "/" + name; }
    std::string directory_;
};
INSTANTIATE_TEST_SUITE_P(, IdentityTest, ::testing::Bool(),
                         [](const auto& suite) { return suite.param ? "Clone3" : "Clone"; });

TEST_P(IdentityTest, GivenAUser_ThenAllIdsAreItsAndNoPrivilegeIsLeft) {
    const std::string status =
        output_of(as_user(shell("grep -E '^(Uid|Gid|Groups|Cap(Inh|Prm|Eff|Amb)):' "
                                "/proc/self/status | tr -s '\\t ' ' '")));
    EXPECT_EQ(status,
              "Uid: 61234 61234 61234 61234\n"
              "Gid: 61235 61235 61235 61235\n"
              "Groups: 61239 61243 \n"
              "CapInh: 0000000000000000\n"
              "CapPrm: 0000000000000000\n"
              "CapEff: 0000000000000000\n"
              "CapAmb: 0000000000000000\n");
}

TEST_P(IdentityTest, GivenNoSupplementaryGroups_ThenNoneOfTheKeepersAreLeft) {
    EXPECT_EQ(output_of(as_user(shell("id -u; id -g; id -G"), {})), "61234\n61235\n61235\n");
}

TEST_P(IdentityTest, GivenCapturedOutput_ThenTheTaskMayOpenItByName) {
    Order order = as_user(shell("echo one >/dev/stdout; echo two >/dev/stderr"));
    EXPECT_EQ(output_of(order), "one\ntwo\n");
}

TEST_P(IdentityTest, GivenFilesOfItsOwn_ThenTheyAreOpenedAndMadeAsTheUser) {
    std::filesystem::create_directory(path("theirs"));
    ASSERT_EQ(::chown(path("theirs").c_str(), user, group), 0);
    ::chmod(path("theirs").c_str(), 0700);
    Order order = shell("pwd; umask");
    order.directory = path("theirs");
    order.output = TargetKind::file;
    order.output_path = path("theirs/out");
    order.change = [](StartSpec& spec) {
        spec.identity = {user, group, {}};
        spec.umask = 027;
    };
    KeeperProcess keeper(options());
    Peer peer(keeper.socket());
    peer.launch(id, order);
    EXPECT_EQ(peer.finish(id).status, 0);
    struct stat status {};
    ASSERT_EQ(::stat(path("theirs/out").c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, user);
    EXPECT_EQ(status.st_gid, group);
    EXPECT_EQ(status.st_mode & 0777U, 0640U);
    std::stringstream text;
    text << std::ifstream(path("theirs/out")).rdbuf();
    EXPECT_EQ(text.str(), path("theirs") + "\n0027\n");
}

TEST_P(IdentityTest, WhatTheUserMayNotDoFails) {
    std::filesystem::create_directory(path("roots"));
    ::chmod(path("roots").c_str(), 0700);
    std::filesystem::copy_file("/bin/true", path("program"));
    ::chmod(path("program").c_str(), 0700);

    Order order = as_user(shell("true"));
    order.directory = path("roots");
    EXPECT_EQ(failure_of(order).step, Step::working_directory);
    order.directory = "/";
    order.output = TargetKind::file;
    order.output_path = path("roots/out");
    EXPECT_EQ(failure_of(order).step, Step::standard_output);
    EXPECT_FALSE(std::filesystem::exists(path("roots/out")));
    order.output = TargetKind::pipe;
    order.argv = {path("program")};
    const SpawnError failure = failure_of(order);
    EXPECT_EQ(failure.step, Step::program);
    EXPECT_EQ(failure.error, EACCES);
}

TEST_P(IdentityTest, WhoeverMayNotBecomeTheUserStartsNothing) {
    const auto leave_root = [] {
        [[maybe_unused]] const int left = ::setresuid(user + 1, user + 1, user + 1);
    };
    const SpawnError failure = failure_of(as_user(shell("true")), leave_root);
    EXPECT_NE(failure.step, Step::none);
    EXPECT_EQ(failure.error, EPERM);
}

TEST_P(IdentityTest, GivenLimitsPriorityAndMask_ThenTheTaskHasThem) {
    Order order = as_user(shell("ulimit -n; ulimit -Hn; ulimit -c; ulimit -t; nice; umask"));
    order.change = [](StartSpec& spec) {
        spec.identity = {user, group, {}};
        spec.limits = {{RLIMIT_NOFILE, 0, 20, 30}, {RLIMIT_CORE, 0, 0, 0}, {RLIMIT_CPU, 0, 77, 78}};
        spec.priority = -3;
        spec.umask = 077;
    };
    EXPECT_EQ(output_of(order), "20\n30\n0\n77\n-3\n0077\n");
}

/// Root in a container may lack it.
bool may_raise_limits() {
    constexpr unsigned cap_sys_resource = 24;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (!line.starts_with("CapEff:")) continue;
        return (std::stoull(line.substr(8), nullptr, 16) >> cap_sys_resource & 1) != 0;
    }
    return false;
}

TEST_P(IdentityTest, GivenMoreDescriptorsThanTheKeeperMayHave_ThenOnlyThePrivilegeGivesThem) {
    KeeperProcess keeper(options(), [] {
        const rlimit limit{200, 200};
        ::setrlimit(RLIMIT_NOFILE, &limit);
    });
    Peer peer(keeper.socket());
    Order order = shell("ulimit -n; ulimit -Hn");
    order.change = [](StartSpec& spec) {
        spec.identity = {user, group, {}};
        spec.limits = {{RLIMIT_NOFILE, 0, 300, 400}};
    };
    if (may_raise_limits()) {
        peer.launch(id, order);
        EXPECT_EQ(peer.read_all(id), "300\n400\n");
        peer.finish(id);
        return;
    }
    peer.start(id, order);
    const auto failure = peer.expect(MessageType::spawn_error, id).body<SpawnError>();
    EXPECT_EQ(failure.step, Step::limit);
    EXPECT_EQ(failure.error, EPERM);
    EXPECT_EQ(failure.detail, unsigned{RLIMIT_NOFILE});
}

TEST_P(IdentityTest, ALimitThatTheKernelRefusesNamesItself) {
    Order order = shell("true");
    order.change = [](StartSpec& spec) {
        spec.limits = {{RLIMIT_CORE, 0, 0, 0}, {RLIMIT_FSIZE, 0, 2, 1}};
    };
    const SpawnError failure = failure_of(order);
    EXPECT_EQ(failure.step, Step::limit);
    EXPECT_EQ(failure.error, EINVAL);
    EXPECT_EQ(failure.detail, unsigned{RLIMIT_FSIZE});
}

/// The user may stop and trace what is its own, also on its way to the program. Nobody may read the
/// keeper's memory by that.
TEST_P(IdentityTest, GivenAUserOfTasks_ThenTheKeeperCannotBeTracedByIt) {
    KeeperProcess keeper(options());
    Peer peer(keeper.socket());
    peer.launch(id, as_user(shell("true")));
    EXPECT_EQ(peer.finish(id).status, 0);
    struct stat status {};
    const std::string memory = "/proc/" + std::to_string(keeper.pid()) + "/mem";
    ASSERT_EQ(::stat(memory.c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 0U);
    EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

}  // namespace
}  // namespace bansuri::keeper
