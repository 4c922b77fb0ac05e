// SPDX-License-Identifier: MIT
//
// From the text of a configuration file to its value, or to everything that is wrong with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "core/configuration.hpp"

namespace bansuri {

struct ParsedConfiguration {
    std::string origin;  ///< the file's name for messages: what render() is given
    /// Nothing if there is an error.
    std::optional<Configuration> configuration;
    /// In the order of the file; the first 1 000 errors and the first 1 000 warnings.
    std::vector<Diagnostic> diagnostics;
    std::size_t errors = 0;    ///< all of them, kept or not
    std::size_t warnings = 0;  ///< all of them, kept or not
    std::size_t tasks = 0;     ///< elements of `scripts`, good or bad
};

/// Parses a whole file. Reads nothing but its arguments and the time zone database: whether paths
/// exist is found when a task starts. `directory` is the absolute directory of the file.
/// `origin` is only handed through.
ParsedConfiguration parse_configuration(std::string_view text, std::string_view origin,
                                        std::string_view directory);

}  // namespace bansuri
