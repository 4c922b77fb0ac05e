// SPDX-License-Identifier: MIT
#include "app/saved_configuration.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <system_error>

#include "keeper/unique_fd.hpp"

namespace bansuri::app {
namespace {

constexpr auto between_tries = std::chrono::seconds(5);

std::string write_whole(const std::string& path, const SavedConfiguration::Text& saved) {
    const std::string fresh = path + ".new";
    const auto failure = [&](const char* call) {
        const std::string why = std::generic_category().message(errno);
        ::unlink(fresh.c_str());
        return fmt::format("{} \"{}\": {}", call, fresh, why);
    };
    ::unlink(fresh.c_str());  // what a death left there may be anybody's to read
    {
        const keeper::UniqueFd made(
            ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
        if (!made) return failure("open");
    }
    std::ofstream file(fresh, std::ios::binary | std::ios::trunc);
    // The length comes first, so that a part of a file is never taken for the whole.
    file << saved.directory << '\n' << saved.text.size() << '\n' << saved.text;
    file.close();
    if (!file) return failure("write");
    if (std::rename(fresh.c_str(), path.c_str()) != 0) return failure("rename");
    return {};
}

}  // namespace

std::optional<SavedConfiguration::Text> SavedConfiguration::read() const {
    std::ifstream file(path_, std::ios::binary);
    Text saved;
    std::string size;
    if (!std::getline(file, saved.directory) || !std::getline(file, size)) return std::nullopt;
    std::ostringstream rest;
    rest << file.rdbuf();
    saved.text = std::move(rest).str();
    if (std::to_string(saved.text.size()) != size) return std::nullopt;
    return saved;
}

void SavedConfiguration::save(std::shared_ptr<const Text> text) {
    {
        const std::lock_guard lock(mutex_);
        wanted_ = std::move(text);
        failed_ = false;
    }
    changed_.notify_all();
}

void SavedConfiguration::finish(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [this] { return !wanted_ || failed_; });
}

void SavedConfiguration::work() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        if (failed_) {
            changed_.wait_for(lock, between_tries, [this] { return !failed_ || stopping_; });
        } else {
            changed_.wait(lock, [this] { return wanted_ || stopping_; });
        }
        const std::shared_ptr<const Text> text = wanted_;
        if (!text || stopping_) continue;
        lock.unlock();
        const std::string problem = write_whole(path_, *text);
        told_(problem);
        lock.lock();
        const bool is_latest = wanted_ == text;
        failed_ = is_latest && !problem.empty();
        if (is_latest && problem.empty()) wanted_.reset();
        changed_.notify_all();
    }
}

SavedConfiguration::SavedConfiguration(std::string state,
                                       std::function<void(const std::string&)> told)
    : path_(std::move(state) + "/configuration"), told_(std::move(told)) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the loop
    writer_ = std::thread([this] { work(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

SavedConfiguration::~SavedConfiguration() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    writer_.join();
}

}  // namespace bansuri::app
