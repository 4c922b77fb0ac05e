// SPDX-License-Identifier: MIT
//
// From supervisord's configuration to scripts.json. A pure function of the text: files that it
// includes are asked of whoever calls. Source of the semantics: supervisord 4.2, its documentation
// and sample configuration.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.hpp"

namespace bansuri::imports {

struct IncludedFile {
    std::string path;
    Result<std::string> text;  ///< or why it cannot be read
};

struct SupervisorOptions {
    std::string origin;     ///< the file's path as it was given
    std::string here;       ///< absolute directory of the file
    std::string host_name;  ///< what %(host_node_name)s stands for; empty if not known
    /// The files that an absolute pattern of [include] names, in the order of their names.
    std::function<std::vector<IncludedFile>(const std::string& pattern)> include =
        [](const std::string&) { return std::vector<IncludedFile>(); };
};

/// The text of scripts.json, with comments for what is different now and what could not be carried
/// over. Fails (config_invalid) if supervisord would understand nothing of the file.
Result<std::string> import_supervisor(std::string_view text, const SupervisorOptions& options);

}  // namespace bansuri::imports
