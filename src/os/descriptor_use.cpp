// SPDX-License-Identifier: MIT
#include "os/descriptor_use.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace bansuri::os {
namespace {

/// The first number behind `name`, in a file of /proc.
std::optional<std::uint64_t> number_behind(const std::string& path, const std::string& name) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        if (!line.starts_with(name)) continue;
        const auto begin = line.find_first_of("0123456789", name.size());
        if (begin == std::string::npos) return std::nullopt;  // "unlimited"
        std::uint64_t number = 0;
        std::from_chars(line.data() + begin, line.data() + line.size(), number);
        return number;
    }
    return std::nullopt;
}

}  // namespace

std::optional<DescriptorUse> descriptor_use(pid_t process) {
    const std::string place = fmt::format("/proc/{}/", process);
    const auto allowed = number_behind(place + "limits", "Max open files");
    // What the table has room for grows with what is open, and is one line to read.
    const auto room = number_behind(place + "status", "FDSize:");
    if (!allowed || !room || *allowed == 0) return std::nullopt;
    DescriptorUse use{*room, *allowed};
    if (!use.is_short()) return use;
    std::error_code unreadable;
    use.open = 0;
    for (std::filesystem::directory_iterator each(place + "fd", unreadable), end;
         !unreadable && each != end; each.increment(unreadable)) {
        ++use.open;
    }
    if (unreadable) return std::nullopt;
    return use;
}

}  // namespace bansuri::os
