// SPDX-License-Identifier: MIT
//
// Any bytes as a duration and as a size: refused, or within bounds and written back the same.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "core/duration.hpp"
#include "core/size.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace bansuri;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto duration = parse_duration(text)) {
        if (*duration < Duration::zero() || *duration > longest_duration) std::abort();
        if (parse_duration(format_duration(*duration)).value() != *duration) std::abort();
    }
    if (const auto bytes = parse_size(text)) {
        if (!parse_size(format_size(*bytes))) std::abort();
    }
    return 0;
}
