// SPDX-License-Identifier: MIT
#include "os/state_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

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

/// Standard streams, the daemon's socket and what shells redirect have lower numbers, and may be
/// closed or replaced by those who do not know of us.
constexpr int lowest_number = 10;
/// A keeper that was killed takes its daemon with it, which writes to the disk what it still can.
constexpr std::chrono::seconds patience_with_the_dying(5);
constexpr std::chrono::milliseconds pause_between_looks(20);

keeper::UniqueFd moved_up(keeper::UniqueFd fd) {
    if (!fd) return fd;
    return keeper::UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, lowest_number));
}

keeper::UniqueFd open_lock(int directory, int creating) {
    return keeper::UniqueFd(
        ::openat(directory, "lock", O_RDWR | creating | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
}

bool is_same(const struct stat& one, const struct stat& other) {
    return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

/// Whether this open file is the one that others find by the name.
bool is_the_lock_of(int directory, int lock) {
    struct stat ours {};
    struct stat theirs {};
    return ::fstat(lock, &ours) == 0 &&
           ::fstatat(directory, "lock", &theirs, AT_SYMLINK_NOFOLLOW) == 0 && is_same(ours, theirs);
}

/// Who wrote itself into the lock file; 0: nobody.
pid_t holder(int lock) {
    std::array<char, 32> text{};
    const ssize_t size = ::pread(lock, text.data(), text.size(), 0);
    pid_t pid = 0;
    if (size > 0) std::from_chars(text.data(), text.data() + size, pid);
    return pid;
}

void write_holder(int lock, pid_t holder) {
    const std::string pid = fmt::format("{}\n", holder);
    // On a full disk nobody is told who we are; the lock holds all the same.
    if (::ftruncate(lock, 0) == 0) {
        [[maybe_unused]] const auto wrote = ::pwrite(lock, pid.data(), pid.size(), 0);
    }
}

/// False also for one that is ending (a zombie, or on its way there), see proc(5).
bool lives(pid_t pid) {
    if (pid <= 0 || (::kill(pid, 0) < 0 && errno == ESRCH)) return false;
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(file, text, '\0');
    const auto name_end = text.rfind(')');
    if (name_end == std::string::npos) return true;
    std::istringstream fields(text.substr(name_end + 1));
    char state = 0;
    long skipped = 0;
    unsigned long flags = 0;
    fields >> state >> skipped >> skipped >> skipped >> skipped >> skipped >> flags;
    constexpr unsigned long exiting = 4;  // PF_EXITING
    return state != 'Z' && state != 'X' && (flags & exiting) == 0;
}

std::string user(pid_t pid) {
    if (pid <= 0) return "another process is using it; stop that one";
    if (lives(pid)) return fmt::format("the process {} is using it; stop that one", pid);
    return fmt::format("what the process {} has left behind is using it; end that", pid);
}

}  // namespace

Result<StateDirectory> StateDirectory::open(const std::string& path) {
    std::string plain = path;
    while (plain.size() > 1 && plain.back() == '/') plain.pop_back();
    if (!make_directories(plain)) {
        return refuse(path, fmt::format("mkdir: {}; {}", cause(), another));
    }
    keeper::UniqueFd directory = moved_up(
        keeper::UniqueFd(::open(plain.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)));
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

    const auto deadline = std::chrono::steady_clock::now() + patience_with_the_dying;
    while (true) {
        // The directory, because its lock file can be removed while it is held; and the file,
        // because not every file system locks directories (NFS does not).
        const bool held = ::flock(directory.get(), LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
        keeper::UniqueFd lock = moved_up(open_lock(directory.get(), held ? 0 : O_CREAT));
        if (!lock && !(held && errno == ENOENT)) {
            return refuse(path, fmt::format("open \"lock\": {}; {}", cause(), another));
        }
        if (!held && ::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) {
            if (!is_the_lock_of(directory.get(), lock.get())) continue;  // replaced meanwhile
            write_holder(lock.get(), ::getpid());
            return StateDirectory(std::move(directory), std::move(lock));
        }
        if (!held && errno != EWOULDBLOCK) return refuse(path, "flock \"lock\": " + cause());
        const pid_t by = lock ? holder(lock.get()) : 0;
        if (lives(by) || std::chrono::steady_clock::now() > deadline) {
            return refuse(path, fmt::format("{}, or {}", user(by), another));
        }
        std::this_thread::sleep_for(pause_between_looks);
    }
}

bool StateDirectory::is_held_above(const std::string& path) {
    struct stat wanted {};
    if (::stat(path.c_str(), &wanted) < 0) return false;
    constexpr int highest_number = 1024;
    for (int fd = lowest_number; fd < highest_number; ++fd) {
        struct stat info {};
        if (::fstat(fd, &info) < 0 || !is_same(info, wanted)) continue;
        // Through an open file that we share with the holder, its lock is ours.
        if (::flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) continue;
        if (const keeper::UniqueFd lock = open_lock(fd, O_CREAT | O_EXCL)) {
            write_holder(lock.get(), ::getppid());
        }
        return true;
    }
    return false;
}

keeper::UniqueFd open_state_directory(const std::string& path) {
    keeper::UniqueFd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) {
        throw std::system_error(errno, std::generic_category(), "open \"" + path + "\"");
    }
    return directory;
}

}  // namespace bansuri::os
