// SPDX-License-Identifier: MIT
#include "store/output_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <functional>

namespace bansuri::store {

namespace {

// No name here is a symbolic link unless somebody has put it there to have another file written.
constexpr int always = O_CLOEXEC | O_NOFOLLOW;

/// Calls `entry` with each name in the directory. False: see errno.
bool each_name(int root, const char* directory,
               const std::function<void(std::string_view)>& entry) {
    UniqueFd fd(::openat(root, directory, O_RDONLY | O_DIRECTORY | always));
    if (!fd) return false;
    DIR* const stream = ::fdopendir(fd.get());
    if (stream == nullptr) return false;
    fd.release();
    errno = 0;
    while (const dirent* const found = ::readdir(stream)) {  // NOLINT(concurrency-mt-unsafe): own
        entry(found->d_name);
        errno = 0;
    }
    const int error = errno;
    ::closedir(stream);
    errno = error;
    return error == 0;
}

}  // namespace

std::shared_ptr<const UniqueFd> OutputDirectory::root(bool make) {
    const std::lock_guard lock(mutex_);
    if (root_) return root_;
    for (const bool made : {false, true}) {
        UniqueFd fd(::open(path_.c_str(), O_PATH | O_DIRECTORY | always));
        if (fd) return root_ = std::make_shared<const UniqueFd>(std::move(fd));
        if (errno != ENOENT || made || !make) break;
        if (::mkdir(path_.c_str(), 0700) != 0 && errno != EEXIST) break;
    }
    return nullptr;
}

void OutputDirectory::forget_root() {
    const std::lock_guard lock(mutex_);
    root_.reset();
}

UniqueFd OutputDirectory::open_for_writing(const OutputFileName& name) {
    const auto directory = root(true);
    if (!directory) return UniqueFd();
    const std::string path = name.path();
    const std::string parent = std::to_string(OutputFileName::directory_of(name.id.run));
    // More than once, because a sub-directory that was found empty may be removed in between.
    for (int tries = 0;; ++tries) {
        UniqueFd fd(::openat(directory->get(), path.c_str(), O_RDWR | O_CREAT | always, 0600));
        if (fd || errno != ENOENT || tries == 3) return fd;
        if (::mkdirat(directory->get(), parent.c_str(), 0700) != 0 && errno != EEXIST) {
            if (errno == ENOENT) forget_root();  // somebody has removed it
            return fd;
        }
    }
}

UniqueFd OutputDirectory::open_for_reading(const OutputFileName& name) {
    const auto directory = root();
    if (!directory) return UniqueFd();
    return UniqueFd(::openat(directory->get(), name.path().c_str(), O_RDONLY | always));
}

void OutputDirectory::remove(const OutputFileName& name) noexcept {
    const auto directory = root();
    if (directory) ::unlinkat(directory->get(), name.path().c_str(), 0);
}

std::optional<std::vector<OutputFileName>> OutputDirectory::list(std::uint64_t number) {
    std::vector<OutputFileName> names;
    const auto directory = root();
    if (!directory && errno == ENOENT) return names;
    if (!directory) return std::nullopt;
    const bool read =
        each_name(directory->get(), std::to_string(number).c_str(), [&](std::string_view name) {
            const auto parsed = OutputFileName::parse(name);
            if (parsed && OutputFileName::directory_of(parsed->id.run) == number)
                names.push_back(*parsed);
        });
    if (!read && errno != ENOENT) return std::nullopt;
    std::sort(names.begin(), names.end());
    return names;
}

std::optional<std::vector<OutputFileName>> OutputDirectory::list(engine::AttemptId id) {
    auto names = list(OutputFileName::directory_of(id.run));
    if (names) std::erase_if(*names, [&](const OutputFileName& name) { return name.id != id; });
    return names;
}

std::vector<std::uint64_t> OutputDirectory::directories() {
    std::vector<std::uint64_t> numbers;
    const auto directory = root();
    if (!directory) return numbers;
    each_name(directory->get(), ".", [&](std::string_view name) {
        std::uint64_t number = 0;
        const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (error == std::errc() && end == name.data() + name.size()) numbers.push_back(number);
    });
    return numbers;
}

void OutputDirectory::remove_if_empty(std::uint64_t number) noexcept {
    const auto directory = root();
    if (directory) ::unlinkat(directory->get(), std::to_string(number).c_str(), AT_REMOVEDIR);
}

std::uint64_t OutputDirectory::size_of(const OutputFileName& name) {
    const auto directory = root();
    struct stat status {};
    if (!directory ||
        ::fstatat(directory->get(), name.path().c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return 0;
    }
    return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace bansuri::store
