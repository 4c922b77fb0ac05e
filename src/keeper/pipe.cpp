// SPDX-License-Identifier: MIT
#include "keeper/pipe.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "keeper/poll_tag.hpp"
#include "keeper/report.hpp"
#include "keeper/spare_descriptors.hpp"

namespace bansuri::keeper {
namespace {

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

bool open_pipe(UniqueFd& read_end, UniqueFd& write_end) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) < 0) return false;
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
    if (!leaves_spare_descriptors(ends[1])) {
        errno = EMFILE;
        return false;
    }
    std::array<char, 32> path;
    std::snprintf(path.data(), path.size(), "/proc/self/fd/%d", ends[1]);
    // Without /proc the plain end has to do.
    if (const int both = ::open(path.data(), O_RDWR | O_CLOEXEC | O_NOCTTY); both >= 0) {
        write_end.reset(both);
    }
    return ::fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0;
}

std::uint64_t pipe_inode(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) ? status.st_ino : 0;
}

UniqueFd reopen_pipe(int pid, std::uint64_t inode) {
    std::array<char, 64> wanted;
    std::snprintf(wanted.data(), wanted.size(), "pipe:[%llu]",
                  static_cast<unsigned long long>(inode));
    std::array<char, 32> path;
    std::snprintf(path.data(), path.size(), "/proc/%d/fd", pid);
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.data()));
    if (!directory) return {};
    // concurrency-mt-unsafe does not apply: the stream is this function's own.
    while (const dirent* entry = ::readdir(directory.get())) {
        std::array<char, 64> target;
        const ssize_t size =
            ::readlinkat(::dirfd(directory.get()), entry->d_name, target.data(), target.size() - 1);
        if (size <= 0) continue;
        target[static_cast<std::size_t>(size)] = '\0';
        if (std::strcmp(target.data(), wanted.data()) != 0) continue;
        UniqueFd fd(::openat(::dirfd(directory.get()), entry->d_name,
                             O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
        // What the number stands for may have changed since the look.
        if (fd && pipe_inode(fd.get()) == inode) return fd;
    }
    return {};
}

void Drain::keep(UniqueFd pipe) {
    if (!pipe) return;
    std::array<char, 65536> waste;
    ssize_t size = 1;
    // Once for what a pipe holds and once for its end; one who goes on writing is drained later.
    for (int i = 0; i < 2 && size > 0; ++i) size = ::read(pipe.get(), waste.data(), waste.size());
    if (size == 0) return;  // nobody holds the other end
    pipes_.reserve(pipes_.size() + 1);
    if (!watch(epoll_, {PollKind::drained_pipe, pipe.get()}, EPOLLIN)) {
        report("epoll has no room (%s): what a survivor writes is not drained, and it may block",
               ::strerrordesc_np(errno));
    }
    pipes_.push_back(std::move(pipe));
}

void Drain::read(int pipe) {
    if (std::none_of(pipes_.begin(), pipes_.end(),
                     [pipe](const UniqueFd& fd) { return fd.get() == pipe; })) {
        return;
    }
    std::array<char, 65536> waste;
    const ssize_t size = ::read(pipe, waste.data(), waste.size());
    if (size > 0 || (size < 0 && (errno == EAGAIN || errno == EINTR))) return;
    // Not left to close(2): a daemon that is being started has a copy until it is executed.
    ::epoll_ctl(epoll_, EPOLL_CTL_DEL, pipe, nullptr);
    std::erase_if(pipes_, [pipe](const UniqueFd& fd) { return fd.get() == pipe; });
}

}  // namespace bansuri::keeper
