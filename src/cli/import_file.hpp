// SPDX-License-Identifier: MIT
//
// `bansuri import`: a file of another program on the way to scripts.json. What the importers ask of
// the machine (home directories, files that are included) is answered here.
#pragma once

#include <iosfwd>
#include <string>

#include "import/crontab.hpp"

namespace bansuri::cli {

enum class ForeignFormat { crontab, supervisor, bansuri };

struct ImportCommand {
    ForeignFormat format = ForeignFormat::crontab;
    std::string file;  ///< "-" is standard input
    imports::CrontabForm form = imports::CrontabForm::by_path;
};

/// Prints scripts.json on `out`, or on `err` why there is none. Returns the exit code: 1 if the
/// file cannot be read, is larger than 16 MiB, or holds nothing of its format; else 0. Blocks for
/// as long as the file does.
int import_file(const ImportCommand& command, std::ostream& out, std::ostream& err);

}  // namespace bansuri::cli
