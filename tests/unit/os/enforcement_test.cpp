// SPDX-License-Identifier: MIT
#include "os/enforcement.hpp"

#include <gmock/gmock.h>
#include <sys/resource.h>

namespace bansuri::os {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

constexpr std::uint32_t all_controllers =
    keeper::controls_memory | keeper::controls_processes | keeper::controls_cpu;

ResourceLimits shared_ones() {
    ResourceLimits limits;
    limits.memory = 512 << 20;
    limits.cpu = 1.5;
    limits.processes = 50;
    return limits;
}

TEST(Enforcement, CgroupsEnforceWhatProcessesShare) {
    const Enforcement means = enforce(shared_ones(), all_controllers, true);
    EXPECT_EQ(means.cgroup.memory, 512U << 20);
    EXPECT_EQ(means.cgroup.processes, 50U);
    EXPECT_EQ(means.cgroup.cpu_quota_us, 150'000U);
    EXPECT_THAT(means.limits, IsEmpty());
    EXPECT_THAT(means.shortcomings, IsEmpty());
}

TEST(Enforcement, WithoutControllersItSaysWhatIsLeft) {
    const Enforcement means = enforce(shared_ones(), 0, false);
    EXPECT_FALSE(means.cgroup.any());
    ASSERT_EQ(means.limits.size(), 2U);
    EXPECT_EQ(means.limits[0].resource, unsigned{RLIMIT_DATA});
    EXPECT_EQ(means.limits[0].hard, 512U << 20);
    EXPECT_EQ(means.limits[1].resource, unsigned{RLIMIT_NPROC});
    EXPECT_EQ(means.limits[1].soft, 50U);
    EXPECT_THAT(means.shortcomings, ElementsAre(StartsWith("memory: "), StartsWith("processes: "),
                                                StartsWith("cpu: ")));
    // A limit on processes is none for root.
    EXPECT_NE(enforce(shared_ones(), 0, true).shortcomings[1], means.shortcomings[1]);
    // Each controller by itself.
    EXPECT_THAT(enforce(shared_ones(), keeper::controls_memory, false).shortcomings,
                ElementsAre(StartsWith("processes: "), StartsWith("cpu: ")));
}

TEST(Enforcement, WhatIsOfOneProcessNeedsNoCgroup) {
    ResourceLimits limits;
    limits.open_files = 100;
    limits.file_size = 0;
    limits.core = 0;
    limits.cpu_time = 1500ms;
    const Enforcement means = enforce(limits, all_controllers, true);
    EXPECT_FALSE(means.cgroup.any());
    EXPECT_THAT(means.shortcomings, IsEmpty());
    ASSERT_EQ(means.limits.size(), 4U);
    EXPECT_EQ(means.limits[3].resource, unsigned{RLIMIT_CPU});
    EXPECT_EQ(means.limits[3].soft, 2U) << "whole seconds, and not less than asked for";
    EXPECT_EQ(means.limits[3].hard, 3U);
    for (const keeper::ResourceLimit& one : means.limits) {
        EXPECT_STRNE(key_of_resource(one.resource), "?");
    }
}

TEST(Enforcement, NoLimitsNeedNothing) {
    const Enforcement means = enforce({}, 0, true);
    EXPECT_THAT(means.limits, IsEmpty());
    EXPECT_THAT(means.shortcomings, IsEmpty());
}

}  // namespace
}  // namespace bansuri::os
