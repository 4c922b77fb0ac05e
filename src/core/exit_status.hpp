// SPDX-License-Identifier: MIT
//
// How a process ended: by itself with a code, or by a signal. A value; it does not know wait(2),
// whose encoding the os folder translates.
#pragma once

#include <string>

namespace bansuri {

struct ExitStatus {
    enum class Kind { exited, signalled };
    Kind kind = Kind::exited;
    int number = 0;            ///< the exit code, or the signal's number
    bool core_dumped = false;  ///< only with a signal

    static constexpr ExitStatus exited(int code) { return {Kind::exited, code, false}; }
    static constexpr ExitStatus signalled(int signal, bool core = false) {
        return {Kind::signalled, signal, core};
    }
    /// What a shell's $? would be: the code, or 128 + the signal.
    constexpr int shell_code() const { return kind == Kind::exited ? number : 128 + number; }
    bool operator==(const ExitStatus&) const = default;
};

/// "exit code 3", "signal 9 (SIGKILL)", "signal 11 (SIGSEGV), core dumped".
std::string describe(const ExitStatus& status);

}  // namespace bansuri
