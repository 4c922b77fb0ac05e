// SPDX-License-Identifier: MIT
#include "cli/surroundings.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <charconv>
#include <ostream>

#include "core/printable.hpp"

namespace bansuri::cli {
namespace {

std::size_t width_of_terminal(const Variables& variables) {
    const std::string columns = variables("COLUMNS");
    std::size_t width = 0;
    const auto [end, error] =
        std::from_chars(columns.data(), columns.data() + columns.size(), width);
    if (error == std::errc{} && end == columns.data() + columns.size() && width > 0) return width;
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

}  // namespace

Surroundings look_around(std::ostream& out, std::ostream& err, const Variables& variables,
                         WallTime now, std::function<MonoTime()> mono_now) {
    Surroundings around{out, err};
    around.on_terminal = ::isatty(STDOUT_FILENO) == 1;
    around.errors_on_terminal = ::isatty(STDERR_FILENO) == 1;
    around.colour =
        around.on_terminal && variables("NO_COLOR").empty() && variables("TERM") != "dumb";
    if (around.on_terminal) around.width = width_of_terminal(variables);
    around.now = now;
    around.mono_now = std::move(mono_now);
    around.zone = TimeZone::system();
    return around;
}

int refuse(const Surroundings& around, const std::string& command, const Error& error) {
    around.out.flush();
    around.err << "bansuri " << command << ": " << printable_lines(error.message) << '\n';
    if (error.code == ErrorCode::usage) return 2;
    return error.code == ErrorCode::unreachable ? 3 : 1;
}

}  // namespace bansuri::cli
