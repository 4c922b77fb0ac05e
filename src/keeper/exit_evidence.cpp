// SPDX-License-Identifier: MIT
#include "keeper/exit_evidence.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "keeper/proc_file.hpp"
#include "keeper/process_table.hpp"

namespace bansuri::keeper {
namespace {

/// linux/pidfd.h as of Linux 6.13 (size) and 6.15 (exit); Debian 12's headers are older.
struct PidfdInfo {
    std::uint64_t mask = 0;
    std::uint64_t cgroup = 0;
    std::uint32_t pid = 0;
    std::uint32_t thread_group = 0;
    std::uint32_t parent = 0;
    std::uint32_t users[8] = {};
    std::int32_t exit_code = 0;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t info_exit = 1U << 3;
constexpr unsigned long get_info = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace

ExitEvidence evidence_of_pidfd(int pidfd) {
    PidfdInfo info;
    info.mask = info_exit;
    // Once it has been reaped, a kernel that keeps no exit status says ESRCH; one that does not
    // know the question, ENOTTY or EINVAL.
    if (::ioctl(pidfd, get_info, &info) < 0) return {};
    if ((info.mask & info_exit) != 0) return {info.exit_code, false};
    // 6.13 and 6.14 answer as well, but never this; they do not tell of the reaping either, so the
    // wait has a bound. That of a zombie: it comes.
    return {std::nullopt, true};
}

std::optional<int> status_of_zombie(pid_t pid, std::uint64_t start_time) {
    // Where we may not look, the field shows 0, which means success: asked in another way first. A
    // zombie has no program any more, so where we may look there is no such link.
    std::array<char, 32> path;
    std::array<char, 16> target;
    std::snprintf(path.data(), path.size(), "/proc/%d/exe", pid);
    const bool may_look =
        ::readlink(path.data(), target.data(), target.size()) >= 0 || errno == ENOENT;

    std::array<char, 2048> text;
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
    const auto stat = read_small_file(AT_FDCWD, path.data(), text);
    if (!stat || !may_look) return std::nullopt;
    const auto info = ProcessInfo::parse(*stat);
    if (!info || !info->dead || info->start_time != start_time) return std::nullopt;
    std::string_view rest = stat->substr(stat->rfind(')') + 4);
    for (int field = 4; field < 52; ++field) {  // numbered as in proc(5)
        const std::size_t blank = rest.find(' ');
        if (blank == std::string_view::npos) return std::nullopt;
        rest.remove_prefix(blank + 1);
    }
    const auto status = take_number(rest);
    return status ? std::optional(static_cast<int>(*status)) : std::nullopt;
}

}  // namespace bansuri::keeper
