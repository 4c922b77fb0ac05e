// SPDX-License-Identifier: MIT
#include "os/start_lookup.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <exception>
#include <fstream>
#include <system_error>

#include "core/environment_file.hpp"
#include "core/printable.hpp"
#include "keeper/unique_fd.hpp"
#include "os/accounts.hpp"

namespace bansuri::os {
namespace asio = boost::asio;

namespace {

std::string cause(int error) { return std::generic_category().message(error); }

tl::unexpected<Error> refused(const std::string& path, const std::string& why) {
    return fail(ErrorCode::cannot_start,
                fmt::format("environment-file \"{}\": {}", printable_lines(path), why));
}

/// Nothing if it is missing.
Result<std::optional<std::string>> read_file(const std::string& path) {
    // Not to wait for the writer of a FIFO.
    const keeper::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file && (errno == ENOENT || errno == ENOTDIR)) return std::nullopt;
    if (!file) return refused(path, fmt::format("{}; allow it to be read", cause(errno)));
    struct stat status {};
    if (::fstat(file.get(), &status) < 0) return refused(path, cause(errno));
    if (!S_ISREG(status.st_mode)) return refused(path, "it is no file; name one");
    std::string text;
    std::array<char, 16 * 1024> piece{};
    for (;;) {
        const ssize_t size = ::read(file.get(), piece.data(), piece.size());
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return refused(path, cause(errno));
        if (size == 0) return text;
        text.append(piece.data(), static_cast<std::size_t>(size));
        if (text.size() > StartLookup::largest_file) {
            return refused(path, "it is larger than 1 MiB; is it the right one?");
        }
    }
}

Result<void> add_variables(const EnvironmentFile& file, engine::StartFacts& facts) {
    auto text = read_file(file.path);
    if (!text) return tl::unexpected(text.error());
    if (!*text) {
        if (!file.required) return {};
        return refused(file.path,
                       fmt::format("{}; make it, or lead its name with - if it may be missing",
                                   cause(ENOENT)));
    }
    auto variables = parse_environment_file(file.path, **text);
    if (!variables) return refused(file.path, variables.error().message);
    for (auto& variable : *variables) facts.variables.push_back(std::move(variable));
    return {};
}

}  // namespace

Result<engine::StartFacts> look_up_now(const Isolation& isolation) {
    engine::StartFacts facts;
    if (!isolation.user.empty() || !isolation.group.empty()) {
        auto account = find_account(isolation.user, isolation.group);
        if (!account) return fail(ErrorCode::cannot_start, std::move(account.error().message));
        if (::geteuid() != 0 && !is_oneself(*account)) {
            return fail(ErrorCode::cannot_start,
                        fmt::format("user \"{}\": only root can run a task as somebody else; run "
                                    "Bansuri as root, or remove user and group",
                                    printable_lines(account->name)));
        }
        facts.account = *std::move(account);
    }
    for (const EnvironmentFile& file : isolation.environment_files) {
        if (auto added = add_variables(file, facts); !added) return tl::unexpected(added.error());
    }
    return facts;
}

asio::awaitable<Result<engine::StartFacts>> StartLookup::look_up(std::shared_ptr<const Task> task) {
    const auto ask =
        [](std::shared_ptr<const Task> of) -> asio::awaitable<Result<engine::StartFacts>> {
        try {
            co_return look_up_now(*of->command.isolation);
        } catch (const std::exception& error) {
            co_return fail(ErrorCode::cannot_start, error.what());
        }
    };
    Result<engine::StartFacts> facts =
        co_await asio::co_spawn(threads_, ask(std::move(task)), asio::use_awaitable);
    co_return facts;
}

std::vector<std::string> StartLookup::environment_of(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/environ", pid), std::ios::binary);
    std::vector<std::string> environment;
    for (std::string variable; std::getline(file, variable, '\0');) {
        environment.push_back(std::move(variable));
    }
    return environment;
}

}  // namespace bansuri::os
