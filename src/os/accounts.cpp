// SPDX-License-Identifier: MIT
#include "os/accounts.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <system_error>
#include <vector>

#include "core/quote.hpp"

namespace bansuri::os {
namespace {

constexpr std::size_t largest_entry = 1 << 20;

/// Calls one of the get...nam_r family with as much room as it needs.
template <class Entry, class Call>
Result<std::optional<Entry>> ask(Call call, std::vector<char>& room) {
    for (room.resize(std::size_t{1} << 12);; room.resize(2 * room.size())) {
        Entry entry{};
        Entry* found = nullptr;
        const int error = call(&entry, room.data(), room.size(), &found);
        if (error == EINTR) continue;
        if (error == ERANGE && room.size() < largest_entry) continue;
        // POSIX lets these mean "there is none", too.
        const bool is_none = error == 0 || error == ENOENT || error == ESRCH;
        if (!is_none) return fail(ErrorCode::io, std::generic_category().message(error));
        return found == nullptr ? std::nullopt : std::optional<Entry>(entry);
    }
}

std::optional<unsigned> number_of(const std::string& text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    // The highest one means "nobody in particular" to the kernel.
    if (error != std::errc() || end != text.data() + text.size() || number == ~0U) {
        return std::nullopt;
    }
    return number;
}

tl::unexpected<Error> cannot_say(const char* what, const std::string& name, const Error& why) {
    return fail(ErrorCode::io,
                fmt::format("{} {}: the machine's accounts cannot be read: {}; it is "
                            "tried again at the next start",
                            what, quote(name), why.message));
}

Result<gid_t> find_group(const std::string& name) {
    std::vector<char> room;
    const auto found = ask<group>(
        [&](group* entry, char* text, std::size_t size, group** result) {
            return ::getgrnam_r(name.c_str(), entry, text, size, result);
        },
        room);
    if (!found) return cannot_say("group", name, found.error());
    if (*found) return (*found)->gr_gid;
    if (const auto number = number_of(name)) return *number;
    return fail(ErrorCode::not_found, fmt::format("group {}: there is no group of this name; make "
                                                  "it (groupadd) or correct group",
                                                  quote(name)));
}

Result<std::vector<gid_t>> groups_of(const std::string& user, gid_t first) {
    std::vector<gid_t> groups(64);
    int count = static_cast<int>(groups.size());
    while (::getgrouplist(user.c_str(), first, groups.data(), &count) < 0) {
        if (count > 65'536) {
            return fail(ErrorCode::io, fmt::format("user {}: is in too many groups", quote(user)));
        }
        groups.resize(std::max(2 * groups.size(), static_cast<std::size_t>(count)));
        count = static_cast<int>(groups.size());
    }
    groups.resize(static_cast<std::size_t>(count));
    std::sort(groups.begin(), groups.end());
    groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
    return groups;
}

engine::Account account_of(const passwd& entry) {
    return {entry.pw_name, entry.pw_dir, *entry.pw_shell == '\0' ? "/bin/sh" : entry.pw_shell,
            entry.pw_uid,  entry.pw_gid, {}};
}

Result<std::optional<engine::Account>> find_by_number(uid_t number) {
    std::vector<char> room;
    const auto found = ask<passwd>(
        [&](passwd* entry, char* text, std::size_t size, passwd** result) {
            return ::getpwuid_r(number, entry, text, size, result);
        },
        room);
    if (!found) return cannot_say("user", std::to_string(number), found.error());
    return *found ? std::optional(account_of(**found)) : std::nullopt;
}

Result<engine::Account> find_user(const std::string& name, bool has_group) {
    std::vector<char> room;
    const auto found = ask<passwd>(
        [&](passwd* entry, char* text, std::size_t size, passwd** result) {
            return ::getpwnam_r(name.c_str(), entry, text, size, result);
        },
        room);
    if (!found) return cannot_say("user", name, found.error());
    if (*found) return account_of(**found);
    const auto number = number_of(name);
    if (!number) {
        return fail(ErrorCode::not_found,
                    fmt::format("user {}: there is no user of this name; make "
                                "it (useradd) or correct user",
                                quote(name)));
    }
    auto known = find_by_number(*number);
    if (!known) return tl::unexpected(known.error());
    if (*known) return **std::move(known);
    if (!has_group) {
        return fail(ErrorCode::not_found,
                    fmt::format("user {}: no account has this number, so its group is not known; "
                                "add group",
                                quote(name)));
    }
    return engine::Account{name, "/", "/bin/sh", *number, 0, {}};
}

}  // namespace

Result<engine::Account> find_account(const std::string& user, const std::string& group) {
    engine::Account account;
    if (user.empty()) {
        auto own = find_by_number(::geteuid());
        if (!own) return tl::unexpected(own.error());
        account =
            *own ? **own
                 : engine::Account{
                       std::to_string(::geteuid()), "/", "/bin/sh", ::geteuid(), ::getegid(), {}};
    } else {
        auto found = find_user(user, !group.empty());
        if (!found) return found;
        account = *std::move(found);
    }
    if (!group.empty()) {
        const auto found = find_group(group);
        if (!found) return tl::unexpected(found.error());
        account.group = *found;
    }
    auto groups = groups_of(account.name, account.group);
    if (!groups) return tl::unexpected(groups.error());
    account.groups = *std::move(groups);
    return account;
}

bool is_oneself(const engine::Account& account) {
    return account.user == ::geteuid() && account.group == ::getegid();
}

}  // namespace bansuri::os
