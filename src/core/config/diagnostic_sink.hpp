// SPDX-License-Identifier: MIT
//
// Collects what is wrong with one file while it is read: all of it, but not without bound.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/diagnostic.hpp"
#include "core/config/source_text.hpp"

namespace bansuri::config {

/// Why something cannot be taken, and what to do about it.
struct Problem {
    std::string reason;
    std::string remedy;
};

/// Whom a diagnostic is about; refers to texts of its maker.
struct Subject {
    std::string_view task = {};  ///< name, if there is a task and it has one
    unsigned task_number = 0;    ///< from 1; 0: no task
    std::string_view key = {};
};

class DiagnosticSink {
  public:
    /// Errors kept, and likewise warnings; the others are only counted.
    static constexpr std::size_t kept = 1000;

    explicit DiagnosticSink(const SourceText& source) : source_(source) {}

    /// About the value at `value`, which is shown.
    void report(Severity severity, const Subject& subject, Span value, Problem problem,
                ErrorCode code = ErrorCode::config_invalid);
    /// About a place: a key, a bracket, a missing thing. No value is shown.
    void report_at(Severity severity, const Subject& subject, Offset place, Problem problem);

    /// False when another diagnostic would only be counted: no need to word it well.
    bool keeps(Severity severity) const { return count(severity) < kept; }
    /// When another diagnostic would only be counted: counts it and says true.
    bool only_counts(Severity severity);
    std::size_t errors() const { return errors_; }
    std::size_t warnings() const { return warnings_; }
    const SourceText& source() const { return source_; }

    /// What was kept, in the order of the file.
    std::vector<Diagnostic> take();

  private:
    std::size_t count(Severity severity) const {
        return severity == Severity::error ? errors_ : warnings_;
    }
    void add(Severity severity, const Subject& subject, Offset place, std::string value,
             Problem problem, ErrorCode code);

    const SourceText& source_;
    std::vector<Diagnostic> diagnostics_;
    std::size_t errors_ = 0;
    std::size_t warnings_ = 0;
};

}  // namespace bansuri::config
