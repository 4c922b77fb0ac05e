// SPDX-License-Identifier: MIT
//
// The one kind of failure that functions hand to each other: a code that a program decides on and
// a message that a person reads. The command line translates codes to exit codes in one place.
#pragma once

#include <string>

namespace bansuri {

enum class ErrorCode {
    config_invalid,   ///< the configuration, or a value in it, cannot be taken
    not_available,    ///< valid, but this version does not do it yet
    usage,            ///< the command line was wrong
    not_found,        ///< no task, zone or file of that name
    cannot_start,     ///< a command could not be started
    already_claimed,  ///< this instant of this task has its run already
    io,               ///< a system call failed: call, object, cause
    protocol,         ///< the other side sent what the protocol does not know
    unreachable,      ///< no daemon answers
};

struct Error {
    ErrorCode code;
    std::string message;  ///< place, value, reason, remedy
};

}  // namespace bansuri
