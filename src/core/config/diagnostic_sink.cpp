// SPDX-License-Identifier: MIT
#include "core/config/diagnostic_sink.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace bansuri::config {

void DiagnosticSink::report(Severity severity, const Subject& subject, Span value, Problem problem,
                            ErrorCode code) {
    std::string shown = keeps(severity) ? source_.excerpt(value) : std::string();
    add(severity, subject, value.begin, std::move(shown), std::move(problem), code);
}

bool DiagnosticSink::only_counts(Severity severity) {
    if (keeps(severity)) return false;
    ++(severity == Severity::error ? errors_ : warnings_);
    return true;
}

void DiagnosticSink::report_at(Severity severity, const Subject& subject, Offset place,
                               Problem problem) {
    add(severity, subject, place, {}, std::move(problem), ErrorCode::config_invalid);
}

void DiagnosticSink::add(Severity severity, const Subject& subject, Offset place, std::string value,
                         Problem problem, ErrorCode code) {
    if (keeps(severity)) {
        const Position position = source_.locate(place);
        diagnostics_.push_back({.severity = severity,
                                .code = code,
                                .line = position.line,
                                .column = position.column,
                                .task = printable(subject.task),
                                .task_number = subject.task_number,
                                .key = printable(subject.key),
                                .value = std::move(value),
                                .reason = std::move(problem.reason),
                                .remedy = std::move(problem.remedy)});
    }
    ++(severity == Severity::error ? errors_ : warnings_);
}

std::vector<Diagnostic> DiagnosticSink::take() {
    std::stable_sort(diagnostics_.begin(), diagnostics_.end(),
                     [](const Diagnostic& a, const Diagnostic& b) {
                         return std::tie(a.line, a.column) < std::tie(b.line, b.column);
                     });
    return std::exchange(diagnostics_, {});
}

}  // namespace bansuri::config
