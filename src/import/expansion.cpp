// SPDX-License-Identifier: MIT
#include "import/expansion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "import/draft.hpp"

namespace bansuri::imports {
namespace {

constexpr std::size_t widest = 100;
// A value that is repeated can grow without end; nothing that a kernel takes is as long.
constexpr std::size_t longest = 1U << 20;

tl::unexpected<Error> badly_formed(std::string_view text) {
    return fail(ErrorCode::config_invalid,
                fmt::format("{}: a % that belongs to no expansion as %(program_name)s; supervisord "
                            "refuses that, and takes %% for a percent sign",
                            shown(text)));
}

/// Padded as by "02" of "%(n)02d", or by "-8" of "%(name)-8s".
std::string padded(std::string value, std::string_view flags, std::size_t width) {
    if (value.size() >= width) return value;
    const std::size_t missing = width - value.size();
    if (flags.find('-') != std::string_view::npos) return value.append(missing, ' ');
    const bool zeros = flags.find('0') != std::string_view::npos;
    return value.insert(0, missing, zeros ? '0' : ' ');
}

}  // namespace

Result<std::string> expand(std::string_view text, const Lookup& lookup) {
    std::string expanded;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t percent = std::min(text.find('%', at), text.size());
        expanded += text.substr(at, percent - at);
        if (percent == text.size()) break;
        at = percent + 1;
        if (at < text.size() && text[at] == '%') {
            expanded += '%';
            ++at;
            continue;
        }
        const auto close = text.find(')', at);
        if (at == text.size() || text[at] != '(' || close == std::string_view::npos) {
            return badly_formed(text);
        }
        const std::string_view name = text.substr(at + 1, close - at - 1);
        at = close + 1;
        const std::size_t digits = std::min(text.find_first_not_of("-0 +#", at), text.size());
        const std::string_view flags = text.substr(at, digits - at);
        std::size_t width = 0;
        const auto read = std::from_chars(text.data() + digits, text.data() + text.size(), width);
        at = static_cast<std::size_t>(read.ptr - text.data());
        if (at >= text.size() || (text[at] != 's' && text[at] != 'd') || width > widest ||
            read.ec == std::errc::result_out_of_range) {
            return badly_formed(text);
        }
        const bool number = text[at++] == 'd';
        auto value = lookup(name);
        if (!value) {
            return fail(ErrorCode::config_invalid,
                        fmt::format("{}: what %({})s stands for is not known here", shown(text),
                                    shown(name, 40)));
        }
        if (number && value->find_first_not_of("0123456789") != std::string::npos) {
            return badly_formed(text);
        }
        expanded += padded(*std::move(value),
                           number                 ? flags
                           : flags.find('-') == 0 ? "-"
                                                  : "",
                           width);
        if (expanded.size() > longest) {
            return fail(ErrorCode::config_invalid,
                        fmt::format("{}: it expands to more than {} bytes", shown(text), longest));
        }
    }
    return expanded;
}

}  // namespace bansuri::imports
