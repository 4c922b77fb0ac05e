// SPDX-License-Identifier: MIT
//
// Prints what is generated from the key table, and puts it where it belongs:
//   config_generated schema | reference
//   config_generated update docs/configuration.md
//   config_generated verdicts      for each line of the input, a file: "good", "not_available" if
//                                  that is all there is to say against it, or "bad"
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "core/config/parsed_configuration.hpp"
#include "core/config/reference.hpp"
#include "core/config/schema.hpp"

namespace bansuri {
namespace {

int update(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string document{std::istreambuf_iterator<char>(in), {}};
    const std::string begin = "<!-- generated: keys -->\n";
    const auto from = document.find(begin);
    const auto to = document.find("<!-- end of generated: keys -->");
    if (from == std::string::npos || to == std::string::npos) {
        std::cerr << path << ": the markers are missing\n";
        return 1;
    }
    std::ofstream(path, std::ios::binary) << document.substr(0, from + begin.size()) << "\n"
                                          << markdown_reference() << "\n"
                                          << document.substr(to);
    return 0;
}

std::string verdict_on(const std::string& text) {
    const ParsedConfiguration parsed = parse_configuration(text, "f", "/");
    if (parsed.errors == 0) return "good";
    for (const Diagnostic& diagnostic : parsed.diagnostics) {
        if (diagnostic.severity == Severity::error && diagnostic.code != ErrorCode::not_available) {
            return "bad";
        }
    }
    return "not_available";
}

}  // namespace
}  // namespace bansuri

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "schema") std::cout << bansuri::json_schema();
    if (what == "reference") std::cout << bansuri::markdown_reference();
    if (what == "update" && argc > 2) return bansuri::update(argv[2]);
    if (what == "verdicts") {
        for (std::string line; std::getline(std::cin, line);) {
            std::cout << bansuri::verdict_on(line) << '\n';
        }
    }
    return what.empty() ? 2 : 0;
}
