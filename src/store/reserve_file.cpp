// SPDX-License-Identifier: MIT
#include "store/reserve_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdint>

namespace bansuri::store {
namespace {

constexpr off_t size = 256 * 1024;

// Left to others, so that it is not made of the room that was just given back.
constexpr std::uint64_t left_free = size;

}  // namespace

bool ReserveFile::make() noexcept {
    struct stat info {};
    if (::lstat(path_.c_str(), &info) == 0 && info.st_size == size &&
        info.st_blocks * 512 >= size) {
        return true;
    }
    const std::size_t slash = path_.rfind('/');
    struct statvfs disk {};
    if (::statvfs(path_.substr(0, slash).c_str(), &disk) != 0) return false;
    if (std::uint64_t{disk.f_bavail} * disk.f_frsize < left_free + std::uint64_t{size}) {
        return false;
    }
    const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return false;
    const bool made = ::posix_fallocate(fd, 0, size) == 0 && ::ftruncate(fd, size) == 0;
    ::close(fd);
    if (!made) ::unlink(path_.c_str());
    return made;
}

bool ReserveFile::release() noexcept { return ::unlink(path_.c_str()) == 0; }

}  // namespace bansuri::store
