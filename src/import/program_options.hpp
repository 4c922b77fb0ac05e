// SPDX-License-Identifier: MIT
//
// The options of one [program:x] of supervisord, with their expansions replaced and their values
// understood. What cannot be made out becomes a note.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "import/draft.hpp"
#include "import/ini.hpp"

namespace bansuri::imports {

/// What [supervisord] says for all programs, and what the file says of where it stands.
struct SupervisorGlobals {
    std::string host_name;  ///< empty if not known
    std::string user;
    std::string umask;
    std::string directory = "/";                     ///< absolute; where supervisord itself works
    std::map<std::string, std::string> environment;  ///< variables of [supervisord]
    std::map<std::string, std::string> defaults;     ///< of [DEFAULT]
};

/// `KEY="value",KEY2='v 2',KEY3=value`, 200 at most. The error says what is not of that
/// form.
Result<std::vector<std::pair<std::string, std::string>>> read_variables(std::string_view text);

/// yes, true, on, 1, and their opposites, in any case.
std::optional<bool> boolean_in(std::string_view text);
std::optional<long> number_in(std::string_view text);
std::string lowered(std::string_view text);

class ProgramOptions {
  public:
    /// Both outlive it.
    ProgramOptions(const IniSection& section, const SupervisorGlobals& globals, std::string program,
                   std::string group);

    /// Turns to process `number` of `count`: forgets the notes, and reads its variables.
    Result<void> turn_to(long number, long count);
    /// Of the program and of [supervisord], for the process that it was turned to.
    const Json& environment() const { return environment_; }

    /// As it stands in the file, or in [DEFAULT]; nullptr if it does not.
    const std::string* written(const std::string& key) const;
    /// The option's value, or the fallback, expanded. With `in_command`, a variable of
    /// supervisord's own environment becomes its name between the two characters below.
    Result<std::string> value(const std::string& key, std::string_view fallback = {},
                              bool in_command = false) const;
    static constexpr char variable_begins = '\x01';
    static constexpr char variable_ends = '\x02';

    /// The value of what may be left out: nothing if it is not set; nothing and a note if it cannot
    /// be made out.
    std::optional<std::string> text(const std::string& key);
    std::optional<long> number(const std::string& key);
    bool flag(const std::string& key, bool fallback);

    void note(std::string text) { notes_.push_back(std::move(text)); }
    Notes take_notes() { return std::exchange(notes_, {}); }

    const IniSection& section() const { return section_; }
    const std::string& program() const { return program_; }

  private:
    std::optional<std::string> lookup(std::string_view name, bool in_command) const;

    const IniSection& section_;
    const SupervisorGlobals& globals_;
    std::string program_;
    std::string group_;
    long number_ = 0;
    long count_ = 1;
    Json environment_ = Json::object();
    Notes notes_;
};

}  // namespace bansuri::imports
