// SPDX-License-Identifier: MIT
#include "keeper/cgroup_pool.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string_view>
#include <thread>

#include "keeper/proc_file.hpp"

namespace bansuri::keeper {
namespace {

constexpr std::string_view prefix = "bansuri-";
constexpr int max_depth = 8;

struct CloseDirectory {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

UniqueFd open_directory(int parent, const char* name) {
    return UniqueFd(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
}

/// A keeper that begins tries to remove the pool of a dead one, and has it locked for a moment.
bool share(int pool) {
    for (int tries = 0; ::flock(pool, LOCK_SH | LOCK_NB) < 0; ++tries) {
        if (errno != EWOULDBLOCK || tries == 20) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
}

/// Calls `each` with the name of every directory in `parent`.
template <class Each>
void for_each_directory(int parent, Each each) {
    UniqueFd fd = open_directory(parent, ".");
    const std::unique_ptr<DIR, CloseDirectory> stream(fd ? ::fdopendir(fd.get()) : nullptr);
    if (!stream) return;
    fd.release();  // the stream's now
    while (const dirent* entry = ::readdir(stream.get())) {
        if (entry->d_type == DT_DIR && entry->d_name[0] != '.') each(entry->d_name);
    }
}

/// Removes a cgroup and those below it. The kernel refuses each that still has a process.
void remove_tree(int parent, const char* name, int depth = 0) {
    if (::unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT || depth == max_depth)
        return;
    if (const UniqueFd directory = open_directory(parent, name)) {
        for_each_directory(directory.get(), [&directory, depth](const char* child) {
            remove_tree(directory.get(), child, depth + 1);
        });
    }
    ::unlinkat(parent, name, AT_REMOVEDIR);
}

/// The processes of a cgroup and of those below it.
void collect_processes(int directory, std::size_t limit, std::vector<pid_t>& pids, int depth) {
    std::array<char, 4096> piece;
    const UniqueFd fd(::openat(directory, "cgroup.procs", O_RDONLY | O_CLOEXEC));
    pid_t pid = 0;
    for (ssize_t size = 0; fd && (size = ::read(fd.get(), piece.data(), piece.size())) > 0;) {
        for (const char byte : std::string_view(piece.data(), static_cast<std::size_t>(size))) {
            if (byte != '\n') {
                pid = pid * 10 + (byte - '0');
                continue;
            }
            if (pids.size() == limit) return;
            if (pid != 0) pids.push_back(pid);  // 0: outside of our pid namespace
            pid = 0;
        }
    }
    if (depth == max_depth) return;
    for_each_directory(directory, [directory, limit, &pids, depth](const char* name) {
        const UniqueFd child = open_directory(directory, name);
        if (child) collect_processes(child.get(), limit, pids, depth + 1);
    });
}

void remove_those_of_dead_keepers(int parent) {
    for_each_directory(parent, [parent](const char* name) {
        std::string_view text(name);
        if (!text.starts_with(prefix)) return;
        text.remove_prefix(prefix.size());
        const auto pid = take_number(text);
        if (!pid || *pid <= 0) return;
        if (::kill(static_cast<pid_t>(*pid), 0) == 0 || errno != ESRCH) return;
        // A keeper in another pid namespace that shares these cgroups has a pid that means nothing
        // here; the lock tells that it lives.
        const UniqueFd directory = open_directory(parent, name);
        if (directory && ::flock(directory.get(), LOCK_EX | LOCK_NB) == 0)
            remove_tree(parent, name);
    });
}

/// Takes the text up to the next separator off the front.
std::string_view take_until(std::string_view& text, char separator) {
    const std::size_t end = text.find(separator);
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return taken;
}

/// mountinfo writes blanks, tabs, newlines and backslashes as octal numbers.
std::string unescape(std::string_view text) {
    std::string plain;
    while (!text.empty()) {
        if (text[0] == '\\' && text.size() >= 4) {
            plain += static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + text[3] - '0');
            text.remove_prefix(4);
        } else {
            plain += text[0];
            text.remove_prefix(1);
        }
    }
    return plain;
}

struct PlaceOfLeaf {
    std::string pool;
    int number = -1;
};

/// The innermost pool and leaf in the path of a cgroup: .../bansuri-PID[.N]/LEAF[/...]
std::optional<PlaceOfLeaf> leaf_in(std::string_view path) {
    for (std::size_t at = path.rfind(prefix); at != std::string_view::npos && at > 0;
         at = path.substr(0, at).rfind(prefix)) {
        const std::size_t slash = path.find('/', at);
        if (path[at - 1] != '/' || slash == std::string_view::npos) continue;
        std::string_view keeper = path.substr(at + prefix.size(), slash - at - prefix.size());
        std::string_view number = path.substr(slash + 1, path.find('/', slash + 1) - slash - 1);
        const auto digits = [](std::string_view text) {
            return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
        };
        const std::size_t dot = keeper.find('.');
        if (!digits(keeper.substr(0, dot)) ||
            (dot != std::string_view::npos && !digits(keeper.substr(dot + 1))) || !digits(number) ||
            number.size() > 9) {
            continue;
        }
        return PlaceOfLeaf{std::string(path.substr(0, slash)),
                           static_cast<int>(*take_number(number))};
    }
    return std::nullopt;
}

/// It is there, and no process in it. Else errno is 0 or says why that cannot be told.
bool is_empty(const CgroupPool::Leaf& leaf) {
    std::array<char, 128> text;
    const auto events = read_small_file(leaf.directory.get(), "cgroup.events", text);
    if (events) errno = 0;
    return events && events->find("populated 0") != std::string_view::npos;
}

std::string read_whole(const char* path) {
    std::string text(256 * 1024, '\0');
    const auto read = read_small_file(AT_FDCWD, path, text);
    text.resize(read ? read->size() : 0);
    return text;
}

}  // namespace

std::string own_cgroup_directory(std::string_view cgroup, std::string_view mountinfo) {
    std::string_view own;
    while (!cgroup.empty()) {
        const std::string_view line = take_until(cgroup, '\n');
        if (line.starts_with("0::/")) own = line.substr(3);
    }
    // A path with ".." lies outside of our cgroup namespace: there is no way to it.
    if (own.empty() || own.find("/..") != std::string_view::npos) return {};
    while (!mountinfo.empty()) {
        std::string_view line = take_until(mountinfo, '\n');
        const std::size_t kind = line.find(" - cgroup2 ");
        if (kind == std::string_view::npos) continue;
        for (int field = 0; field < 3; ++field) take_until(line, ' ');
        const std::string root = unescape(take_until(line, ' '));
        const std::string point = unescape(take_until(line, ' '));
        // A bind mount may show only a part of the hierarchy.
        if (root == "/") return point + std::string(own == "/" ? "" : own);
        if (own == root) return point;
        if (own.starts_with(root) && own[root.size()] == '/') {
            return point + std::string(own.substr(root.size()));
        }
    }
    return {};
}

std::optional<CgroupPool> CgroupPool::open() {
    const std::string path =
        own_cgroup_directory(read_whole("/proc/self/cgroup"), read_whole("/proc/self/mountinfo"));
    if (path.empty()) return std::nullopt;
    UniqueFd parent = open_directory(AT_FDCWD, path.c_str());
    if (!parent) return std::nullopt;
    remove_those_of_dead_keepers(parent.get());

    const std::string base = std::string(prefix) + std::to_string(::getpid());
    std::string name = base;
    // The name is taken if survivors of an earlier keeper with our pid live in it.
    for (int i = 1; ::mkdirat(parent.get(), name.c_str(), 0755) < 0; ++i) {
        if (errno != EEXIST || i > 1000) return std::nullopt;
        name = base + "." + std::to_string(i);
    }
    UniqueFd directory = open_directory(parent.get(), name.c_str());
    if (!directory || ::flock(directory.get(), LOCK_EX | LOCK_NB) < 0) return std::nullopt;
    CgroupPool pool(std::move(parent), std::move(name), std::move(directory));
    auto probe = pool.take();
    if (!probe || ::faccessat(probe->directory.get(), "cgroup.kill", W_OK, 0) < 0) {
        return std::nullopt;
    }
    pool.give_back(std::move(*probe));
    return pool;
}

CgroupPool::CgroupPool(UniqueFd parent, std::string name, UniqueFd directory)
    : parent_(std::move(parent)), name_(std::move(name)), directory_(std::move(directory)) {}

CgroupPool::~CgroupPool() {
    if (!parent_) return;  // moved from
    free_.clear();
    directory_.reset();
    remove_tree(parent_.get(), name_.c_str());
}

std::optional<CgroupPool::Leaf> CgroupPool::take() {
    while (!free_.empty()) {
        Leaf leaf = std::move(free_.back());
        free_.pop_back();
        if (is_empty(leaf)) return leaf;
        retired_.push_back(leaf.number);
    }
    free_.reserve(static_cast<std::size_t>(next_) + 1);  // so that give_back() cannot throw
    retired_.reserve(static_cast<std::size_t>(next_) + 1);
    const std::string name = std::to_string(next_);
    if (::mkdirat(directory_.get(), name.c_str(), 0755) < 0 && errno != EEXIST) return std::nullopt;
    Leaf leaf{next_, open_directory(directory_.get(), name.c_str())};
    if (!leaf.directory) return std::nullopt;
    ++next_;
    return leaf;
}

void CgroupPool::give_back(Leaf leaf) {
    // Linux (6.18, tried) also kills whatever clone3 puts later into a cgroup that was once killed.
    if (!is_empty(leaf) || leaf.killed) {
        retired_.push_back(leaf.number);
    } else {
        free_.push_back(std::move(leaf));
    }
    // One look a time keeps the number of those that wait for their survivors small.
    if (retired_.empty()) return;
    std::array<char, 16> name;
    std::snprintf(name.data(), name.size(), "%d", retired_.back());
    if (::unlinkat(directory_.get(), name.data(), AT_REMOVEDIR) == 0 || errno == ENOENT) {
        retired_.pop_back();
    } else {
        std::swap(retired_.front(), retired_.back());
    }
}

std::optional<CgroupPool::Leaf> CgroupPool::adopt(pid_t pid) {
    std::array<char, 32> file;
    std::snprintf(file.data(), file.size(), "/proc/%d/cgroup", pid);
    const std::string mounts = read_whole("/proc/self/mountinfo");
    const auto place = leaf_in(own_cgroup_directory(read_whole(file.data()), mounts));
    if (!place) return std::nullopt;
    const std::string leaf_path = place->pool + "/" + std::to_string(place->number);
    const std::string own = own_cgroup_directory(read_whole("/proc/self/cgroup"), mounts);
    if (own == leaf_path || own.starts_with(leaf_path + "/")) return std::nullopt;
    Leaf leaf;
    leaf.number = place->number;
    leaf.pool = open_directory(AT_FDCWD, place->pool.c_str());
    // A keeper locks its pool for itself alone; of a dead one's we take as many leaves as we adopt.
    if (!leaf.pool || !share(leaf.pool.get())) return std::nullopt;
    leaf.directory = open_directory(leaf.pool.get(), std::to_string(leaf.number).c_str());
    if (!leaf.directory || ::faccessat(leaf.directory.get(), "cgroup.kill", W_OK, 0) < 0) {
        return std::nullopt;
    }
    return leaf;
}

void CgroupPool::discard(Leaf leaf) {
    leaf.directory.reset();
    remove_tree(leaf.pool.get(), std::to_string(leaf.number).c_str());
}

bool CgroupPool::populated(const Leaf& leaf) {
    if (is_empty(leaf)) return false;
    // A cgroup that somebody has removed was empty then, and nobody can be in it now.
    // If it cannot be read, processes() or kill() will tell; saying "empty" would lose them.
    return errno != ENOENT && errno != ENODEV;
}

std::vector<pid_t> CgroupPool::processes(const Leaf& leaf, std::size_t limit) {
    std::vector<pid_t> pids;
    collect_processes(leaf.directory.get(), limit, pids, 0);
    return pids;
}

bool CgroupPool::kill(Leaf& leaf) {
    leaf.killed = true;
    return write_small_file(leaf.directory.get(), "cgroup.kill", "1");
}

}  // namespace bansuri::keeper
