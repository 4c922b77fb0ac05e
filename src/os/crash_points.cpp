// SPDX-License-Identifier: MIT
#include "os/crash_points.hpp"

#ifdef BANSURI_CRASH_POINTS
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/crash_point.hpp"
#endif

namespace bansuri::os {

#ifdef BANSURI_CRASH_POINTS
namespace {

std::string fatal_point;  // set once, before there is a second thread
std::atomic<int> passages_left = 0;

void pass(const char* name) {
    if (fatal_point == name && passages_left.fetch_sub(1) == 1) ::kill(::getpid(), SIGKILL);
}

}  // namespace

void arm_crash_points() {
    // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread.
    const char* const wish = std::getenv("BANSURI_FAIL");
    const char* const daemon = std::getenv("BANSURI_DAEMON");
    // NOLINTEND(concurrency-mt-unsafe)
    if (wish == nullptr || daemon == nullptr || std::string_view(daemon) != "1") return;
    const std::string_view text(wish);
    const std::size_t colon = text.rfind(':');
    int passages = 1;
    if (colon != std::string_view::npos) {
        std::from_chars(text.data() + colon + 1, text.data() + text.size(), passages);
    }
    fatal_point = text.substr(0, colon);
    passages_left = passages;
    at_crash_point = pass;
}
#else
void arm_crash_points() {}
#endif

}  // namespace bansuri::os
