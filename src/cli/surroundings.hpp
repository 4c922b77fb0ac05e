// SPDX-License-Identifier: MIT
//
// What a command of the client finds around it: where it prints, for whom, and what time it is.
#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <string>

#include "core/error.hpp"
#include "core/state_directory.hpp"
#include "core/time.hpp"
#include "core/time_zone.hpp"

namespace bansuri::cli {

struct Surroundings {
    std::ostream& out;
    std::ostream& err;
    bool on_terminal = false;         ///< `out` is one
    bool errors_on_terminal = false;  ///< `err` is one
    bool colour = false;
    std::size_t width = 0;  ///< columns of the terminal; 0: no limit
    WallTime now{};
    std::function<MonoTime()> mono_now;  ///< measures how long something is waited for
    TimeZone zone = TimeZone();
};

/// For stdout as it is: colour only on a terminal, without $NO_COLOR and unless $TERM is "dumb";
/// the width from $COLUMNS, else from the terminal.
Surroundings look_around(std::ostream& out, std::ostream& err, const Variables& variables,
                         WallTime now, std::function<MonoTime()> mono_now);

/// Prints `bansuri COMMAND: message` and returns the exit code: 2 for wrong usage, 3 if no daemon
/// is reachable, else 1.
int refuse(const Surroundings& around, const std::string& command, const Error& error);

}  // namespace bansuri::cli
