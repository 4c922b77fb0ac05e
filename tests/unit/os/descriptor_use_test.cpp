// SPDX-License-Identifier: MIT
#include "os/descriptor_use.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

#include "keeper/unique_fd.hpp"

namespace bansuri::os {
namespace {

/// A lower limit, for as long as this lives.
class Limit {
  public:
    explicit Limit(rlim_t descriptors) {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        rlimit lower = before_;
        lower.rlim_cur = descriptors;
        ::setrlimit(RLIMIT_NOFILE, &lower);
    }
    ~Limit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
    Limit(const Limit&) = delete;
    Limit& operator=(const Limit&) = delete;

  private:
    rlimit before_{};
};

TEST(DescriptorUse, TellsWhenNineTenthsAreInUse) {
    const Limit limit(200);
    const auto before = descriptor_use(::getpid());
    ASSERT_TRUE(before);
    EXPECT_EQ(before->allowed, 200u);
    EXPECT_FALSE(before->is_short());
    std::vector<keeper::UniqueFd> opened;
    while (opened.empty() || opened.back().get() < 170) {
        opened.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        ASSERT_GE(opened.back().get(), 0);
    }
    EXPECT_FALSE(descriptor_use(::getpid())->is_short()) << "room for more is none in use";
    while (opened.back().get() < 185) {
        opened.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    const auto after = descriptor_use(::getpid());
    ASSERT_TRUE(after);
    EXPECT_TRUE(after->is_short());
    EXPECT_GE(after->open, 180u);
    EXPECT_LE(after->open, 200u);
}

TEST(DescriptorUse, OfAProcessThatIsNotThereNothingIsKnown) {
    EXPECT_FALSE(descriptor_use(0x7fffffff));
}

}  // namespace
}  // namespace bansuri::os
