// SPDX-License-Identifier: MIT
//
// The options of `bansuri import`.
#pragma once

#include <optional>

#include "cli/import_file.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace bansuri::cli {

/// Adds the command to a program and holds what was asked for.
class ImportArguments {
  public:
    explicit ImportArguments(CLI::App& app);
    /// After parsing: what is to be imported; nothing if it was another command.
    std::optional<ImportCommand> chosen() const;

  private:
    CLI::App& add(CLI::App& import_app, const char* format, const char* description,
                  const char* example);

    ImportCommand command_;
    bool user_ = false;
    bool system_ = false;
    CLI::App* crontab_;
    CLI::App* supervisor_;
    CLI::App* bansuri_;
};

}  // namespace bansuri::cli
