// SPDX-License-Identifier: MIT
#include "os/config_watcher.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <set>

namespace bansuri::os {
namespace {

namespace fs = std::filesystem;

// Not IN_MODIFY: tasks often write their logs beside the configuration.
constexpr std::uint32_t in_directory = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                       IN_DELETE | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF |
                                       IN_ONLYDIR;
constexpr std::uint32_t on_file = IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB;
constexpr std::uint32_t about_the_watch =
    IN_Q_OVERFLOW | IN_IGNORED | IN_MOVE_SELF | IN_DELETE_SELF;

/// The directories in which a change may make `path` name another file: its own, and that of each
/// symbolic link on the way to it.
std::set<std::string> directories_of(const fs::path& path, bool& through_link) {
    std::set<std::string> directories;
    std::error_code failed;
    fs::path pending = fs::absolute(path, failed);
    through_link = false;
    for (int links = 0; links < 40; ++links) {
        fs::path walked;
        bool followed = false;
        for (auto part = pending.begin(); part != pending.end(); ++part) {
            const fs::path here = walked / *part;
            if (!fs::is_symlink(here, failed)) {
                walked = here;
                continue;
            }
            directories.insert(walked.string());
            fs::path next = walked / fs::read_symlink(here, failed);
            for (auto rest = std::next(part); rest != pending.end(); ++rest) next /= *rest;
            pending = next.lexically_normal();
            through_link = followed = true;
            break;
        }
        if (followed) continue;
        directories.insert(pending.parent_path().string());
        break;
    }
    return directories;
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
        watch();
        wait_for_events();
    }
    seen_ = identify(path_);
    recheck();
}

void ConfigWatcher::watch() {
    // A directory may have been replaced by another of its name: asking again is how a watch
    // follows, and costs nothing where it already is.
    for (const std::string& directory : directories_of(path_, through_link_)) {
        ::inotify_add_watch(events_->native_handle(), directory.c_str(), in_directory);
    }
    // Whoever keeps the file open while writing is seen only on the file itself.
    file_watch_ = ::inotify_add_watch(events_->native_handle(), path_.c_str(), on_file);
}

void ConfigWatcher::wait_for_events() {
    events_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [this](boost::system::error_code stop) {
                            if (stop) return;
                            if (concerns_us()) settle();
                            wait_for_events();
                        });
}

/// Reads what inotify has to say; through a link any name in its directories may matter.
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
            ours = ours || through_link_ || event.wd == file_watch_ ||
                   (event.mask & about_the_watch) != 0 || (event.len > 0 && name == changed);
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
    if (events_) watch();
    const FileIdentity now = identify(path_);
    if (now == seen_) return;
    seen_ = now;
    changed_();
}

}  // namespace bansuri::os
