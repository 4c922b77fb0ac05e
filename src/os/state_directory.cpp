// SPDX-License-Identifier: MIT
#include "os/state_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string_view>
#include <system_error>

#include "core/printable.hpp"

namespace bansuri::os {
namespace {

constexpr const char* another = "name another directory with --state DIR";

tl::unexpected<Error> refuse(const std::string& path, const std::string& why) {
    return fail(ErrorCode::io,
                fmt::format("state directory \"{}\": {}", printable_lines(path), why));
}

std::string cause() { return std::generic_category().message(errno); }

/// As `mkdir -p`; what is above gets the usual mode.
bool make_directories(const std::string& path) {
    for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
        const bool last = end == std::string::npos;
        const std::string part = path.substr(0, end);
        if (::mkdir(part.c_str(), last ? 0700 : 0755) < 0 && errno != EEXIST) return false;
        if (last) return true;
    }
}

/// Who wrote itself into the lock file.
std::string holder(int lock) {
    std::array<char, 32> text{};
    const ssize_t size = ::pread(lock, text.data(), text.size(), 0);
    std::string_view pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    pid = pid.substr(0, pid.find_first_not_of("0123456789"));
    return pid.empty() ? "another process" : fmt::format("the process {}", pid);
}

}  // namespace

Result<StateDirectory> StateDirectory::open(const std::string& path) {
    std::string plain = path;
    while (plain.size() > 1 && plain.back() == '/') plain.pop_back();
    if (!make_directories(plain)) {
        return refuse(path, fmt::format("mkdir: {}; {}", cause(), another));
    }
    const keeper::UniqueFd directory(
        ::open(plain.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!directory) {
        if (errno == ELOOP || errno == ENOTDIR) {
            return refuse(path, fmt::format("it is a symbolic link or no directory; {}", another));
        }
        return refuse(path, fmt::format("open: {}; {}", cause(), another));
    }
    struct stat info {};
    if (::fstat(directory.get(), &info) < 0) return refuse(path, "stat: " + cause());
    if (info.st_uid != ::geteuid()) {
        return refuse(path, fmt::format("it belongs to the user with id {}, not to {}; {}",
                                        info.st_uid, ::geteuid(), another));
    }
    if ((info.st_mode & 022) != 0) {
        return refuse(path, fmt::format("others may write to it (mode {:04o}); chmod 700 it",
                                        info.st_mode & 07777));
    }
    // Of one that was made by hand: what is in it is for its owner.
    if ((info.st_mode & 077) != 0) ::fchmod(directory.get(), 0700);

    keeper::UniqueFd lock(::openat(directory.get(), "lock",
                                   O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
    if (!lock) return refuse(path, fmt::format("open \"lock\": {}; {}", cause(), another));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK) return refuse(path, "flock \"lock\": " + cause());
        return refuse(
            path, fmt::format("{} is using it; stop that one, or {}", holder(lock.get()), another));
    }
    const std::string pid = fmt::format("{}\n", ::getpid());
    // On a full disk nobody is told who we are; the lock holds all the same.
    if (::ftruncate(lock.get(), 0) == 0) {
        [[maybe_unused]] const auto wrote = ::pwrite(lock.get(), pid.data(), pid.size(), 0);
    }
    return StateDirectory(std::move(lock));
}

keeper::UniqueFd open_state_directory(const std::string& path) {
    keeper::UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
        throw std::system_error(errno, std::generic_category(), "open \"" + path + "\"");
    }
    return directory;
}

}  // namespace bansuri::os
