// SPDX-License-Identifier: MIT
#include "cli/import_file.hpp"

#include <fmt/format.h>
#include <glob.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <system_error>
#include <vector>

#include "core/quote.hpp"
#include "import/python_bansuri.hpp"
#include "import/supervisor.hpp"

namespace bansuri::cli {
namespace {

constexpr std::size_t most_bytes = 16U << 20;
constexpr std::size_t most_included = 1000;

struct CloseFile {
    void operator()(std::FILE* file) const { std::fclose(file); }
};

Result<std::string> read_file(const std::string& path) {
    const auto cannot = [&path](const char* call, int cause) {
        return fail(ErrorCode::io, fmt::format("{} {}: {}", call, quote(path),
                                               std::generic_category().message(cause)));
    };
    std::unique_ptr<std::FILE, CloseFile> opened;
    if (path != "-") {
        opened.reset(std::fopen(path.c_str(), "re"));
        if (!opened) return cannot("open", errno);
    }
    std::FILE* const file = opened ? opened.get() : stdin;
    std::string text;
    std::array<char, 65536> block{};
    while (const std::size_t got = std::fread(block.data(), 1, block.size(), file)) {
        text.append(block.data(), got);
        if (text.size() > most_bytes) {
            return fail(ErrorCode::config_invalid, fmt::format("{} has more than {} MiB; split it",
                                                               quote(path), most_bytes >> 20));
        }
    }
    if (std::ferror(file) != 0) return cannot("read", errno);
    return text;
}

/// Of the user with that name, or of who asks.
std::optional<std::string> home_of(std::string_view user) {
    std::vector<char> buffer(16384);
    passwd entry{};
    passwd* found = nullptr;
    const int failed =
        user.empty()
            ? ::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found)
            : ::getpwnam_r(std::string(user).c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (failed != 0 || found == nullptr || found->pw_dir == nullptr || found->pw_dir[0] == '\0') {
        return std::nullopt;
    }
    return found->pw_dir;
}

/// In the order of their names; not sorted by locale, as it depends on who imports.
std::vector<imports::IncludedFile> included(const std::string& pattern) {
    glob_t matches{};
    std::vector<imports::IncludedFile> files;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread.
    if (::glob(pattern.c_str(), 0, nullptr, &matches) == 0) {
        for (std::size_t i = 0; i < matches.gl_pathc && i < most_included; ++i) {
            const std::string path = matches.gl_pathv[i];
            files.push_back({path, read_file(path)});
        }
    }
    ::globfree(&matches);
    return files;
}

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : std::string();
}

std::string directory_of(const std::string& path) {
    std::error_code ignored;
    if (path == "-") return std::filesystem::current_path(ignored).string();
    return std::filesystem::absolute(path, ignored).lexically_normal().parent_path().string();
}

std::string absolute(const std::string& path) {
    std::error_code ignored;
    if (path == "-") return "standard input";
    return std::filesystem::absolute(path, ignored).lexically_normal().string();
}

Result<std::string> import_text(const ImportCommand& command, const std::string& text) {
    const std::string origin = absolute(command.file);
    switch (command.format) {
        case ForeignFormat::crontab:
            return imports::import_crontab(text, {origin, command.form, home_of});
        case ForeignFormat::supervisor:
            return imports::import_supervisor(
                text, {origin, directory_of(command.file), host_name(), included});
        case ForeignFormat::bansuri: break;
    }
    return imports::import_python_bansuri(text, origin);
}

}  // namespace

int import_file(const ImportCommand& command, std::ostream& out, std::ostream& err) {
    const auto text = read_file(command.file);
    if (!text) {
        err << "bansuri: " << text.error().message << '\n';
        return 1;
    }
    const auto scripts = import_text(command, *text);
    if (!scripts) {
        err << "bansuri: " << quote(command.file) << ": " << scripts.error().message << '\n';
        return 1;
    }
    out << *scripts;
    return 0;
}

}  // namespace bansuri::cli
