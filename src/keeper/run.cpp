// SPDX-License-Identifier: MIT
#include "keeper/run.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>
#include <string_view>

#include "keeper/process_setup.hpp"
#include "keeper/report.hpp"

namespace bansuri::keeper {
namespace {

/// The file that this program was started from, or one that has been put in its place since.
std::string own_file() {
    constexpr std::string_view removed = " (deleted)";
    std::array<char, 4096> path;
    const ssize_t size = ::readlink("/proc/self/exe", path.data(), path.size());
    std::string_view file(path.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    if (file.ends_with(removed)) file.remove_suffix(removed.size());
    return std::string(file);
}

}  // namespace

int run(DaemonCommand command, Options options) {
    try {
        if (std::count(command.descriptors.begin(), command.descriptors.end(), daemon_socket) > 0) {
            report("descriptor %d is the daemon's socket and cannot be passed on", daemon_socket);
            return 1;
        }
        if (command.installed_path.empty()) command.installed_path = own_file();
        const Launcher::Inherited inherited = prepare_process();
        Keeper keeper(Supervisor(std::move(command), inherited, options.restart, options.backoff),
                      inherited, options);
        return keeper.run();
    } catch (const std::exception& error) {
        report("%s", error.what());
    }
    return 1;
}

}  // namespace bansuri::keeper
