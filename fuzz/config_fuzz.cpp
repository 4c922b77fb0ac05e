// SPDX-License-Identifier: MIT
//
// Any bytes as a configuration file: no crash, and an answer that keeps its promises.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/config/parsed_configuration.hpp"

namespace {

void demand(bool promise) {
    if (!promise) std::abort();
}

bool is_harmless(const std::string& text) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const bansuri::ParsedConfiguration parsed = bansuri::parse_configuration(text, "f", "/etc");
    demand(parsed.configuration.has_value() == (parsed.errors == 0));
    demand(parsed.diagnostics.size() <= parsed.errors + parsed.warnings);
    if (parsed.configuration) demand(parsed.configuration->tasks.size() == parsed.tasks);
    unsigned line = 0;
    for (const bansuri::Diagnostic& diagnostic : parsed.diagnostics) {
        demand(diagnostic.line >= std::max(line, 1U) && diagnostic.column >= 1);
        demand(!diagnostic.reason.empty());
        demand(is_harmless(bansuri::render(diagnostic, "f")));
        line = diagnostic.line;
    }
    return 0;
}
