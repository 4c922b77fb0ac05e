// SPDX-License-Identifier: MIT
#include "core/exit_status.hpp"

#include <fmt/format.h>
#include <string.h>  // sigabbrev_np is glibc's, not std's

namespace bansuri {

std::string describe(const ExitStatus& status) {
    if (status.kind == ExitStatus::Kind::exited) {
        return fmt::format("exit code {}", status.number);
    }
    const char* name = ::sigabbrev_np(status.number);
    return fmt::format("signal {}{}{}", status.number,
                       name != nullptr ? fmt::format(" (SIG{})", name) : std::string(),
                       status.core_dumped ? ", core dumped" : "");
}

}  // namespace bansuri
