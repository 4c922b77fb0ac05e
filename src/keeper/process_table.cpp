// SPDX-License-Identifier: MIT
#include "keeper/process_table.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <memory>
#include <utility>

#include "keeper/proc_file.hpp"
#include "keeper/start_spec.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {
namespace {

/// How much of an environment is searched. Longer ones are rare, and a task that hides there on
/// purpose can as well wipe it.
constexpr std::size_t max_environment = 512 * 1024;

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

/// Finds "NAME=number" among strings that end with NULs and come in pieces.
class EnvironmentSearch {
  public:
    void feed(std::string_view piece) {
        for (const char byte : piece) {
            if (byte == '\0') {
                finish();
                length_ = 0;
            } else if (length_ < entry_.size()) {
                entry_[length_++] = byte;
            } else {
                length_ = entry_.size() + 1;  // longer than any that is looked for
            }
        }
    }
    std::optional<AttemptId> found() const {
        if (marked_ || !run_ || !attempt_) return marked_;
        return AttemptId{*run_, *attempt_};
    }

  private:
    template <class Number>
    static void match(std::string_view entry, std::string_view name, std::optional<Number>& value) {
        if (!entry.starts_with(name)) return;
        entry.remove_prefix(name.size());
        Number number = 0;
        const char* const last = entry.data() + entry.size();
        const auto [end, error] = std::from_chars(entry.data(), last, number);
        if (error == std::errc{} && end == last) value = number;
    }
    void finish() {
        if (length_ > entry_.size()) return;
        const std::string_view entry(entry_.data(), length_);
        match(entry, "BANSURI_RUN_ID=", run_);
        match(entry, "BANSURI_ATTEMPT=", attempt_);
        if (!entry.starts_with(attempt_mark)) return;
        const char* const last = entry.data() + entry.size();
        AttemptId id;
        const auto run = std::from_chars(entry.data() + attempt_mark.size(), last, id.run);
        if (run.ec != std::errc{} || run.ptr == last || *run.ptr != '.') return;
        const auto attempt = std::from_chars(run.ptr + 1, last, id.attempt);
        if (attempt.ec == std::errc{} && attempt.ptr == last) marked_ = id;
    }
    std::array<char, 64> entry_;
    std::size_t length_ = 0;
    std::optional<std::uint64_t> run_;
    std::optional<std::uint32_t> attempt_;
    std::optional<AttemptId> marked_;
};

}  // namespace

std::optional<ProcessInfo> ProcessInfo::parse(std::string_view stat) {
    ProcessInfo info;
    const auto pid = take_number(stat);
    const std::size_t name_end = stat.rfind(')');
    if (!pid || name_end == std::string_view::npos || name_end + 4 > stat.size()) {
        return std::nullopt;
    }
    info.pid = static_cast<pid_t>(*pid);
    const char state = stat[name_end + 2];
    info.dead = state == 'Z' || state == 'X' || state == 'x';
    info.stopped = state == 'T' || state == 't';
    stat.remove_prefix(name_end + 4);
    for (int field = 4; field <= 22; ++field) {  // numbered as in proc(5)
        const auto number = take_number(stat);
        if (!number) return std::nullopt;
        switch (field) {
            case 4: info.parent = static_cast<pid_t>(*number); break;
            case 5: info.group = static_cast<pid_t>(*number); break;
            case 6: info.session = static_cast<pid_t>(*number); break;
            case 22: info.start_time = static_cast<std::uint64_t>(*number); break;
            default: break;
        }
    }
    return info;
}

std::optional<ProcessInfo> ProcessInfo::read(pid_t pid) {
    std::array<char, 32> path;
    std::array<char, 1024> text;
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
    const auto stat = read_small_file(AT_FDCWD, path.data(), text);
    return stat ? parse(*stat) : std::nullopt;
}

bool signal_process(const ProcessInfo& process, int signal_number) {
    const UniqueFd pin(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
    if (!pin) return false;
    // Only now is the number sure to stay with one process; that it is still the same one is what
    // the start time says.
    const auto now = ProcessInfo::read(process.pid);
    if (!now || now->start_time != process.start_time) return false;
    return ::syscall(SYS_pidfd_send_signal, pin.get(), signal_number, nullptr, 0) == 0;
}

Environment read_environment(pid_t pid) {
    std::array<char, 32> path;
    std::array<char, 8192> piece;
    std::snprintf(path.data(), path.size(), "/proc/%d/environ", pid);
    const UniqueFd fd(::open(path.data(), O_RDONLY | O_CLOEXEC));
    if (!fd) return {};
    EnvironmentSearch search;
    std::size_t total = 0;
    while (total < max_environment) {
        const ssize_t size = ::read(fd.get(), piece.data(), piece.size());
        if (size <= 0) break;
        search.feed({piece.data(), static_cast<std::size_t>(size)});
        total += static_cast<std::size_t>(size);
    }
    return {search.found(), total == 0};
}

ChildList::ChildList() : file_(::open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC)) {}

bool ChildList::read(std::vector<pid_t>& children) const {
    children.clear();
    std::array<char, 4096> piece;
    pid_t pid = 0;
    for (off_t offset = 0;;) {
        const ssize_t size = ::pread(file_.get(), piece.data(), piece.size(), offset);
        if (size < 0) return false;
        if (size == 0) return true;
        offset += size;
        for (const char byte : std::string_view(piece.data(), static_cast<std::size_t>(size))) {
            if (byte >= '0' && byte <= '9') {
                pid = pid * 10 + (byte - '0');
            } else if (pid != 0) {
                children.push_back(std::exchange(pid, 0));
            }
        }
    }
}

ProcessTable ProcessTable::read() {
    ProcessTable table;
    const std::unique_ptr<DIR, CloseDirectory> directory(::opendir("/proc"));
    if (!directory) return table;
    // concurrency-mt-unsafe does not apply: the stream is this function's own.
    while (const dirent* entry = ::readdir(directory.get())) {
        std::string_view name(entry->d_name);
        const auto pid = take_number(name);
        if (!pid || !name.empty()) continue;
        if (const auto info = ProcessInfo::read(static_cast<pid_t>(*pid))) {
            table.processes_.push_back(*info);
        }
    }
    std::sort(table.processes_.begin(), table.processes_.end(),
              [](const ProcessInfo& a, const ProcessInfo& b) { return a.pid < b.pid; });
    table.complete_ = std::all_of(
        table.processes_.begin(), table.processes_.end(), [&table](const ProcessInfo& process) {
            return process.parent == 0 || table.find(process.parent) != npos;
        });
    return table;
}

std::size_t ProcessTable::find(pid_t pid) const {
    const auto at = std::lower_bound(
        processes_.begin(), processes_.end(), pid,
        [](const ProcessInfo& process, pid_t number) { return process.pid < number; });
    if (at == processes_.end() || at->pid != pid) return npos;
    return static_cast<std::size_t>(at - processes_.begin());
}

}  // namespace bansuri::keeper
