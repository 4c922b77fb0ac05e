// SPDX-License-Identifier: MIT
#include "core/state_directory.hpp"

namespace bansuri {

Result<std::string> state_directory(const std::optional<std::string>& option,
                                    const Variables& variables, bool is_root) {
    if (option) {
        if (!option->empty()) return *option;
        return fail(ErrorCode::usage, "--state is empty; write --state DIRECTORY");
    }
    if (std::string own = variables("BANSURI_STATE"); !own.empty()) return own;
    if (const std::string list = variables("STATE_DIRECTORY"); !list.empty()) {
        if (std::string first = list.substr(0, list.find(':')); !first.empty()) return first;
    }
    if (is_root) return "/var/lib/bansuri";
    if (const std::string home = variables("XDG_STATE_HOME"); home.starts_with('/')) {
        return home + "/bansuri";
    }
    if (const std::string home = variables("HOME"); home.starts_with('/')) {
        return home + "/.local/state/bansuri";
    }
    return fail(ErrorCode::usage,
                "there is no place for the state: neither --state nor $BANSURI_STATE is given, and "
                "$HOME is not set; write --state DIRECTORY");
}

}  // namespace bansuri
