// SPDX-License-Identifier: MIT
#include "keeper/report.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>

namespace bansuri::keeper {

void report(const char* format, ...) {
    std::array<char, 512> line;
    int length = std::snprintf(line.data(), line.size(), "bansuri: ");
    va_list arguments;
    va_start(arguments, format);
    const int room = static_cast<int>(line.size()) - length - 1;
    const int wanted =
        std::vsnprintf(line.data() + length, static_cast<std::size_t>(room), format, arguments);
    va_end(arguments);
    length += std::clamp(wanted, 0, room - 1);
    line[static_cast<std::size_t>(length++)] = '\n';
    pollfd output{STDERR_FILENO, POLLOUT, 0};
    if (::poll(&output, 1, 0) == 1 && (output.revents & POLLOUT) != 0) {
        // Shorter than PIPE_BUF, hence whole or not at all.
        [[maybe_unused]] const ssize_t written =
            ::write(STDERR_FILENO, line.data(), static_cast<std::size_t>(length));
    }
}

}  // namespace bansuri::keeper
