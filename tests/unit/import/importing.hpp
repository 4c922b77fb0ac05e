// SPDX-License-Identifier: MIT
//
// What the importers' tests ask of the text that comes out: that the parser takes it, and what it
// says about a task.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <string_view>

#include "core/config/parsed_configuration.hpp"
#include "import/draft.hpp"

namespace bansuri::imports {

/// Keys that importers write and that the parser answers "not available yet" to. One by one they
/// become available, and go from here.
inline bool is_still_to_come(std::string_view key) {
    constexpr auto keys = std::to_array<std::string_view>({"depends-on"});
    return std::find(keys.begin(), keys.end(), key.substr(key.rfind('.') + 1)) != keys.end();
}

/// What `bansuri check` says against it; empty if nothing.
inline std::string faults_of(std::string_view scripts) {
    std::string faults;
    const ParsedConfiguration parsed = parse_configuration(scripts, "f", "/etc");
    for (const Diagnostic& found : parsed.diagnostics) {
        const bool to_come = found.code == ErrorCode::not_available && is_still_to_come(found.key);
        if (found.severity == Severity::error && !to_come) faults += render(found, "f") + '\n';
    }
    return faults;
}

/// An imported file, for looking at.
class Imported {
  public:
    explicit Imported(const Result<std::string>& scripts)
        : text(scripts ? *scripts : std::string()), error(scripts ? "" : scripts.error().message) {
        if (!scripts) return;
        EXPECT_EQ(faults_of(text), "") << text;
        json_ = Json::parse(text, nullptr, false, true);
        EXPECT_TRUE(json_.is_object()) << text;
    }

    std::size_t tasks() const { return json_["scripts"].size(); }
    const Json& root() const { return json_; }
    /// The n-th task, with what it takes from the defaults.
    Json task(std::size_t number = 0) const {
        if (number >= tasks()) {
            ADD_FAILURE() << "there are " << tasks() << " tasks:\n" << text << error;
            return Json::object();
        }
        Json task = json_["scripts"][number];
        if (!json_.contains("defaults")) return task;
        for (const auto& [key, value] : json_["defaults"].items()) {
            if (key == "environment") {
                Json both = value;
                if (task.contains(key)) both.update(task[key]);
                task[key] = both;
            } else if (!task.contains(key)) {
                task[key] = value;
            }
        }
        return task;
    }
    /// The key of a task as one line of JSON; "-" if it is not set.
    std::string value(const char* key, std::size_t number = 0) const {
        const Json whole = task(number);
        return whole.contains(key) ? whole[key].dump() : "-";
    }
    /// Whether the comments say so. Where they are wrapped makes no difference.
    bool says(std::string_view words) const {
        std::string flat;
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t end = std::min(text.find('\n', at), text.size());
            std::string_view line = std::string_view(text).substr(at, end - at);
            line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
            if (line.starts_with("// ")) flat.append(line.substr(3)) += ' ';
            at = end + 1;
        }
        return flat.find(words) != std::string::npos;
    }

    const std::string text;
    const std::string error;

  private:
    Json json_;
};

/// What /bin/sh prints when it is given the command, as Bansuri does it.
inline std::string output_of(const std::string& command) {
    std::string output;
    std::array<char, 4096> block{};
    // popen() gives its argument to sh -c.
    std::FILE* const pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) return "popen failed";
    while (const std::size_t got = std::fread(block.data(), 1, block.size(), pipe)) {
        output.append(block.data(), got);
    }
    const int status = ::pclose(pipe);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) output += "(failed)";
    return output;
}

}  // namespace bansuri::imports
