// SPDX-License-Identifier: MIT
#include "cli/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

#include "core/printable.hpp"

namespace bansuri::cli {
namespace {

std::string count(std::size_t number, std::string_view what, std::string_view none = "0") {
    return fmt::format("{} {}{}", number == 0 ? std::string(none) : fmt::format("{}", number), what,
                       number == 1 ? "" : "s");
}

std::string rest_of(const ParsedConfiguration& parsed) {
    const auto kept = static_cast<std::size_t>(std::count_if(
        parsed.diagnostics.begin(), parsed.diagnostics.end(),
        [](const Diagnostic& diagnostic) { return diagnostic.severity == Severity::error; }));
    const std::size_t errors = parsed.errors - kept;
    const std::size_t warnings = parsed.warnings - (parsed.diagnostics.size() - kept);
    if (errors == 0 && warnings == 0) return {};
    if (warnings == 0) return "and " + count(errors, "more error");
    if (errors == 0) return "and " + count(warnings, "more warning");
    return fmt::format("and {} and {}", count(errors, "more error"),
                       count(warnings, "more warning"));
}

nlohmann::ordered_json as_json(const Diagnostic& diagnostic, std::string_view origin) {
    nlohmann::ordered_json object{
        {"severity", to_string(diagnostic.severity)},
        {"code", diagnostic.code == ErrorCode::not_available ? "not_available" : "config_invalid"},
        {"file", origin},
        {"line", diagnostic.line},
        {"column", diagnostic.column}};
    if (diagnostic.task_number > 0) {
        object["task"] = diagnostic.task;
        object["task_number"] = diagnostic.task_number;
    }
    if (!diagnostic.key.empty()) object["key"] = diagnostic.key;
    if (!diagnostic.value.empty()) object["value"] = diagnostic.value;
    object["reason"] = diagnostic.reason;
    object["remedy"] = diagnostic.remedy;
    object["message"] = render(diagnostic, origin);
    return object;
}

}  // namespace

int report(const ParsedConfiguration& parsed, std::string_view origin, bool json, std::ostream& out,
           std::ostream& err) {
    const std::string rest = rest_of(parsed);
    if (json) {
        auto list = nlohmann::ordered_json::array();
        for (const Diagnostic& diagnostic : parsed.diagnostics) {
            list.push_back(as_json(diagnostic, origin));
        }
        if (!rest.empty()) {
            list.push_back({{"severity", parsed.errors > 0 ? "error" : "warning"},
                            {"file", origin},
                            {"message", rest}});
        }
        // The name of the file may be any bytes; what is no UTF-8 in it is replaced.
        const auto replace = nlohmann::ordered_json::error_handler_t::replace;
        out << printable_json(list.dump(2, ' ', false, replace)) << '\n';
    } else {
        for (const Diagnostic& diagnostic : parsed.diagnostics) {
            err << render(diagnostic, origin) << '\n';
        }
        if (!rest.empty()) err << rest << '\n';
        out << fmt::format("{}: {}, {}, {}\n", origin, count(parsed.tasks, "task", "no"),
                           count(parsed.errors, "error", "no"),
                           count(parsed.warnings, "warning", "no"));
    }
    return parsed.errors > 0 ? 1 : 0;
}

}  // namespace bansuri::cli
