// SPDX-License-Identifier: MIT
//
// Which task waits for which: unknown names and circles are errors of the configuration.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/config/diagnostic_sink.hpp"
#include "core/config/source_text.hpp"

namespace bansuri::config {

class Dependencies {
  public:
    /// `task`, at `number` from 1, depends on `names`, which its value at `place` lists.
    void add(std::string task, unsigned number, std::vector<std::string> names, Span place);
    bool empty() const { return waiting_.empty(); }

    /// Reports each name that `exists` does not know, and each circle with the tasks on it.
    template <class Exists>
    void check(const Exists& exists, DiagnosticSink& sink) const {
        for (const Waiting& waiting : waiting_) {
            for (const std::string& name : waiting.names) {
                if (!exists(name)) report_unknown(waiting, name, sink);
            }
        }
        report_circles(sink);
    }

  private:
    struct Waiting {
        std::string task;
        unsigned number;
        std::vector<std::string> names;
        Span place;
    };
    static void report_unknown(const Waiting& waiting, std::string_view name, DiagnosticSink& sink);
    void report_circles(DiagnosticSink& sink) const;

    std::vector<Waiting> waiting_;
    std::unordered_map<std::string, std::size_t> index_;  // in waiting_
};

}  // namespace bansuri::config
