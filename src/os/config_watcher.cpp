// SPDX-License-Identifier: MIT
#include "os/config_watcher.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>

namespace bansuri::os {
namespace {

namespace fs = std::filesystem;

// Not IN_MODIFY: tasks often write their logs beside the configuration.
constexpr std::uint32_t interesting =
    IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_ONLYDIR;

std::string parent(const fs::path& path) {
    std::error_code ignored;
    return fs::absolute(path, ignored).parent_path().string();
}

}  // namespace

ConfigWatcher::ConfigWatcher(boost::asio::any_io_executor loop, std::string path,
                             std::function<void()> changed, Pace pace)
    : path_(std::move(path)),
      changed_(std::move(changed)),
      pace_(pace),
      settled_(loop),
      recheck_(loop) {
    const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd >= 0) {
        events_.emplace(loop, fd);
        watch_directories();
        wait_for_events();
    }
    seen_ = identify(path_);
    recheck();
}

void ConfigWatcher::watch_directories() {
    std::error_code ignored;
    is_link_ = fs::is_symlink(path_, ignored);
    std::set<std::string> directories = {parent(path_)};
    const fs::path target = fs::canonical(path_, ignored);
    if (!ignored) directories.insert(parent(target));
    for (const std::string& directory : directories) {
        if (watched_.contains(directory)) continue;
        if (::inotify_add_watch(events_->native_handle(), directory.c_str(), interesting) >= 0) {
            watched_.insert(directory);
        }
    }
}

void ConfigWatcher::wait_for_events() {
    events_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [this](boost::system::error_code stop) {
                            if (stop) return;
                            if (concerns_us()) settle();
                            wait_for_events();
                        });
}

/// Reads what inotify has to say; a link may change by any name in its directories.
bool ConfigWatcher::concerns_us() {
    const std::string name = fs::path(path_).filename().string();
    bool ours = false;
    alignas(inotify_event) std::array<char, 16 * 1024> buffer;
    while (true) {
        const auto got = ::read(events_->native_handle(), buffer.data(), buffer.size());
        if (got <= 0) return ours;
        for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
            inotify_event event{};
            std::memcpy(&event, buffer.data() + at, sizeof event);
            const char* const changed = buffer.data() + at + sizeof event;
            ours = ours || is_link_ || (event.mask & IN_Q_OVERFLOW) != 0 ||
                   (event.len > 0 && name == changed);
            at += sizeof event + event.len;
        }
    }
}

void ConfigWatcher::settle() {
    const auto now = boost::asio::steady_timer::clock_type::now();
    if (!unsettled_since_) unsettled_since_ = now;
    settled_.expires_at(std::min(now + pace_.settle, *unsettled_since_ + 10 * pace_.settle));
    settled_.async_wait([this](boost::system::error_code cancelled) {
        if (cancelled) return;
        unsettled_since_.reset();
        compare();
    });
}

void ConfigWatcher::recheck() {
    recheck_.expires_after(pace_.recheck);
    recheck_.async_wait([this](boost::system::error_code cancelled) {
        if (cancelled) return;
        compare();
        recheck();
    });
}

void ConfigWatcher::compare() {
    if (events_) watch_directories();
    const FileIdentity now = identify(path_);
    if (now == seen_) return;
    seen_ = now;
    changed_();
}

}  // namespace bansuri::os
