// SPDX-License-Identifier: MIT
#include "os/session.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace bansuri::os {

std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    std::getline(file, id);
    return id;
}

std::string keeper_session() {
    constexpr int fields_to_start_time = 20;  // from the state (3) to starttime (22), proc(5)
    std::ifstream file(fmt::format("/proc/{}/stat", ::getppid()));
    std::string line;
    std::getline(file, line);
    // The name of the program stands in brackets and may hold anything.
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos) return {};
    std::istringstream fields(line.substr(name_end + 1));
    std::string field;
    for (int i = 0; i < fields_to_start_time; ++i) fields >> field;
    return fmt::format("{}.{}", ::getppid(), field);
}

}  // namespace bansuri::os
