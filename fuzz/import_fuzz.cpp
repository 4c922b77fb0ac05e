// SPDX-License-Identifier: MIT
//
// Any bytes as a file of another program: a reason, or a configuration that the parser takes. The
// first byte says which program.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/config/parsed_configuration.hpp"
#include "import/crontab.hpp"
#include "import/python_bansuri.hpp"
#include "import/supervisor.hpp"

namespace {

using namespace bansuri;

void demand(bool promise) {
    if (!promise) std::abort();
}

Result<std::string> imported(char program, std::string_view text) {
    using imports::CrontabForm;
    switch (program) {
        case 's': return imports::import_supervisor(text, {"f", "/etc", "host"});
        case 'b': return imports::import_python_bansuri(text, "f");
        case 'u': return imports::import_crontab(text, {"f", CrontabForm::user});
        default: return imports::import_crontab(text, {"f", CrontabForm::system});
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto scripts = imported(text[0], text.substr(1));
    if (!scripts) {
        demand(!scripts.error().message.empty());
        return 0;
    }
    const ParsedConfiguration parsed = parse_configuration(*scripts, "f", "/etc");
    // A key that is still to come is none of the importer's faults.
    demand(std::all_of(parsed.diagnostics.begin(), parsed.diagnostics.end(), [](const auto& found) {
        return found.severity == Severity::warning || found.code == ErrorCode::not_available;
    }));
    return 0;
}
