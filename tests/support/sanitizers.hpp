// SPDX-License-Identifier: MIT
//
// Whether the program that is tested was built with sanitizers.
#pragma once

#include <cstdlib>
#include <string_view>

namespace bansuri::testing {

/// True if what is tested was built with sanitizers, which take memory, time and descriptors of
/// their own. The tests themselves are built without, so no macro says it.
inline bool has_sanitizers() {
    const char* const names = std::getenv("BANSURI_SANITIZE");
    return names != nullptr && !std::string_view(names).empty();
}

}  // namespace bansuri::testing
