// SPDX-License-Identifier: MIT
//
// The INI dialect of supervisord, which is that of Python's ConfigParser: options with "=" or ":",
// comments that begin a line with "#" or ";" or stand behind a blank within it, values that go on
// in lines with a deeper indentation, sections that may be opened again. No library of Debian reads
// it (docs/architecture.md), and it is small.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace bansuri::imports {

struct IniSection {
    std::string name;
    std::string here;                            ///< directory of the file in which it was opened
    std::map<std::string, std::string> options;  ///< keys in lower case; the last one counts
};

/// What several files say together, as supervisord reads them: one after the other.
class Ini {
  public:
    /// Adds a file that stands in directory `here`. False if it is no INI file, because something
    /// else than a comment stands before its first section.
    bool read(std::string_view text, std::string_view here);

    /// In the order in which they were opened first, without [DEFAULT].
    const std::vector<IniSection>& sections() const { return sections_; }
    /// nullptr if there is none of that name.
    const IniSection* find(std::string_view name) const;
    /// Lines that are neither a section nor an option: supervisord refuses a file with such a line.
    const std::vector<std::string>& problems() const { return problems_; }
    /// What [DEFAULT] says for each section.
    const std::map<std::string, std::string>& defaults() const { return defaults_; }

  private:
    std::vector<IniSection> sections_;
    std::map<std::string, std::size_t, std::less<>> index_;
    std::map<std::string, std::string> defaults_;
    std::vector<std::string> problems_;
};

}  // namespace bansuri::imports
