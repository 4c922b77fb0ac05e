// SPDX-License-Identifier: MIT
#include "os/config_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "core/config/text_fault.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::os {
namespace {

tl::unexpected<Error> cannot(const char* call, const std::string& path, int cause) {
    return fail(ErrorCode::io,
                fmt::format("{} \"{}\": {}", call, path, std::generic_category().message(cause)));
}

FileIdentity identity_of(const struct stat& info) {
    const auto nanoseconds = [](const timespec& t) {
        return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
    };
    return {info.st_dev, info.st_ino, static_cast<std::uint64_t>(info.st_size),
            nanoseconds(info.st_mtim), nanoseconds(info.st_ctim)};
}

std::string directory_of(const std::string& path) {
    std::error_code ignored;
    return std::filesystem::absolute(path, ignored).lexically_normal().parent_path().string();
}

}  // namespace

FileIdentity identify(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return {};
    return identity_of(info);
}

Result<ConfigText> read_config_file(const std::string& path) {
    // O_NONBLOCK: opening a FIFO that nobody writes to must not hang.
    const keeper::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!fd && errno == ENOENT) {
        return fail(ErrorCode::io, fmt::format("open \"{}\": there is no such file; name the "
                                               "configuration with --config FILE",
                                               path));
    }
    if (!fd) return cannot("open", path, errno);
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return cannot("fstat", path, errno);
    if (!S_ISREG(info.st_mode)) {
        return fail(ErrorCode::io, fmt::format("\"{}\" is not a regular file; name the file that "
                                               "holds the configuration",
                                               path));
    }
    if ((info.st_mode & S_IWOTH) != 0) {
        return fail(ErrorCode::io,
                    fmt::format("\"{}\" can be written by every user, who could so run commands as "
                                "you; chmod o-w it",
                                path));
    }
    if (info.st_size > static_cast<off_t>(config::Limits::file)) {
        return fail(ErrorCode::config_invalid,
                    fmt::format("\"{}\" has {} bytes; a configuration may have {}: split it over "
                                "several instances",
                                path, info.st_size, config::Limits::file));
    }
    ConfigText read{std::string(static_cast<std::size_t>(info.st_size), '\0'), directory_of(path),
                    identity_of(info)};
    std::size_t length = 0;
    while (length < read.text.size()) {
        const auto got = ::read(fd.get(), read.text.data() + length, read.text.size() - length);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return cannot("read", path, errno);
        if (got == 0) break;  // truncated meanwhile: the watcher will bring us back
        length += static_cast<std::size_t>(got);
    }
    read.text.resize(length);
    return read;
}

}  // namespace bansuri::os
