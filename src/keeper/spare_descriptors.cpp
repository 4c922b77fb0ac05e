// SPDX-License-Identifier: MIT
#include "keeper/spare_descriptors.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {
namespace {

constexpr rlim_t spare_descriptors = 64;

}  // namespace

bool leaves_spare_descriptors(int fd) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return static_cast<rlim_t>(fd) + spare_descriptors <= limit.rlim_cur;
}

bool can_look() {
    // A directory of /proc and a file in it; a pidfd and the file that it is compared with.
    std::array<int, 2> two{-1, -1};
    if (::pipe2(two.data(), O_CLOEXEC) < 0) return false;
    const UniqueFd first(two[0]);
    const UniqueFd second(two[1]);
    return true;
}

bool is_shortage(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

}  // namespace bansuri::keeper
