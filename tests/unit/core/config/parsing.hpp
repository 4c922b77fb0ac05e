// SPDX-License-Identifier: MIT
//
// Shorthand of the configuration's tests: texts in, tasks and messages out.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/config/parsed_configuration.hpp"

namespace bansuri {

inline ParsedConfiguration parse(std::string_view text) {
    return parse_configuration(text, "f", "/etc/bansuri");
}

/// A file whose only task is `members`, in braces.
inline std::string file_with(std::string_view members) {
    return R"({"notify_command": "mail", "scripts": [{)" + std::string(members) + "}]}";
}

/// A file whose only task has a name, a command and `member`.
inline std::string with_key(std::string_view member) {
    return file_with(R"("name": "t", "command": "true", )" + std::string(member));
}

inline std::string all_messages(const ParsedConfiguration& parsed) {
    std::string text;
    for (const Diagnostic& diagnostic : parsed.diagnostics) {
        text += render(diagnostic, "f") + "\n";
    }
    return text;
}

inline std::vector<std::string> messages(const ParsedConfiguration& parsed, Severity severity) {
    std::vector<std::string> lines;
    for (const Diagnostic& diagnostic : parsed.diagnostics) {
        if (diagnostic.severity == severity) lines.push_back(render(diagnostic, "f"));
    }
    return lines;
}
inline std::vector<std::string> errors_of(std::string_view text) {
    return messages(parse(text), Severity::error);
}
inline std::vector<std::string> warnings_of(std::string_view text) {
    return messages(parse(text), Severity::warning);
}

/// The first task of a valid file; a default-made one, and a failed test, if it is not valid.
inline Task first_task(std::string_view text) {
    const ParsedConfiguration parsed = parse(text);
    if (!parsed.configuration || parsed.configuration->tasks.empty()) {
        ADD_FAILURE() << text << "\n" << all_messages(parsed);
        return {};
    }
    return *parsed.configuration->tasks.front();
}
inline Task task_with(std::string_view member) { return first_task(with_key(member)); }

}  // namespace bansuri
