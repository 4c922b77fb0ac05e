// SPDX-License-Identifier: MIT
//
// From a crontab to scripts.json. A pure function of the text: who has which home directory is
// asked of whoever calls.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/result.hpp"

namespace bansuri::imports {

enum class CrontabForm {
    by_path,  ///< system for /etc/crontab and files below /etc/cron.d, else user
    user,     ///< what `crontab -e` shows: fields and command
    system,   ///< with the name of a user before each command
};

struct CrontabOptions {
    std::string origin;  ///< the file's path as it was given
    CrontabForm form = CrontabForm::by_path;
    /// The home directory of a user, "" being who imports; nothing if there is no such user.
    std::function<std::optional<std::string>(std::string_view user)> home_of =
        [](std::string_view) { return std::nullopt; };
};

/// The text of scripts.json, with comments for what is different now and what could not be carried
/// over. Fails (config_invalid) if cron would understand nothing of the file.
Result<std::string> import_crontab(std::string_view text, const CrontabOptions& options);

}  // namespace bansuri::imports
