// SPDX-License-Identifier: MIT
#include "store/redirected_output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace bansuri::store {

engine::OutputPiece read_redirected(const engine::RedirectedStream& stream, bool is_error,
                                    std::uint64_t position, std::size_t limit) {
    engine::OutputPiece piece;
    piece.begin = piece.end = position;
    piece.complete = true;
    const auto problem = [&](const std::string& what) {
        piece.problem = fmt::format("\"{}\" {}", stream.path, what);
        return piece;
    };
    // O_NONBLOCK: a FIFO whose writer has gone must not hold up whoever asks next.
    const int fd = ::open(stream.path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return problem("cannot be read: " + std::generic_category().message(errno));
    struct stat info {};
    if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        ::close(fd);
        return problem("is no file that could be read again");
    }
    const auto size = static_cast<std::uint64_t>(info.st_size);
    const std::uint64_t file_end = std::min(stream.end.value_or(size), size);
    if (size < stream.begin) {
        ::close(fd);
        return problem("was cut or rotated: what this attempt wrote is not there any more");
    }
    std::uint64_t from = stream.begin + std::min(position, size - stream.begin);
    if (from < file_end) {
        std::string bytes(std::min<std::uint64_t>(limit, file_end - from), '\0');
        const ssize_t got = ::pread(fd, bytes.data(), bytes.size(), static_cast<off_t>(from));
        bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        from += bytes.size();
        piece.end = from - stream.begin;
        if (!bytes.empty()) piece.spans.push_back({is_error, std::move(bytes)});
    }
    ::close(fd);
    piece.begin = std::min(position, piece.end);
    piece.complete = from >= file_end;
    return piece;
}

}  // namespace bansuri::store
