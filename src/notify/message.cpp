// SPDX-License-Identifier: MIT
#include "notify/message.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/duration.hpp"
#include "core/iso8601.hpp"
#include "core/printable.hpp"

namespace bansuri::notify {
namespace {

using Kind = engine::FailureInfo::Kind;

/// mail(1) takes a line that begins with "~" for a command, and a lone "." for the end.
std::string without_mail_commands(std::string_view text) {
    std::string safe;
    safe.reserve(text.size() + 16);
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
        const std::string_view line = text.substr(at, end - at);
        if (line.front() == '~' || line == ".\n" || line == ".") safe.push_back(' ');
        safe.append(line);
        at = end;
    }
    return safe;
}

std::string section(std::string_view title, const engine::OutputExcerpt& excerpt,
                    const engine::Secrets& secrets) {
    if (excerpt.bytes.empty() && excerpt.dropped == 0) return {};
    std::string text = fmt::format("\n--- {} ---\n", title);
    if (excerpt.dropped > 0) text += fmt::format("[{} bytes before this]\n", excerpt.dropped);
    text += printable_lines(secrets.masked(excerpt.bytes));
    if (!text.ends_with('\n')) text.push_back('\n');
    return text;
}

/// A line of the head of a message.
void add(std::string& text, std::string_view name, std::string_view value) {
    text += fmt::format("{:<11}{}\n", fmt::format("{}:", name), value);
}

std::string render_alert(const engine::FailureInfo& info, const TimeZone& zone) {
    std::string text;
    add(text, "Alert", summary(info));
    add(text, "Time", format_local(info.at, zone));
    return text + "\n" + info.reason + "\n";
}

}  // namespace

void read_excerpt(engine::OutputExcerpt& excerpt) {
    if (excerpt.path.empty()) return;
    // O_NONBLOCK: a FIFO whose writer has gone must not hold up every other message.
    const int fd = ::open(excerpt.path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat info {};
    if (fd < 0 || ::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        excerpt.bytes = fmt::format("[\"{}\" cannot be read]\n", excerpt.path);
        if (fd >= 0) ::close(fd);
        return;
    }
    const auto size = static_cast<std::uint64_t>(info.st_size);
    // A file that is smaller now was rotated or cut: what is in it came later.
    const std::uint64_t begin = size < excerpt.offset ? 0 : excerpt.offset;
    const std::uint64_t from = std::max(begin, size > tail_limit ? size - tail_limit : 0);
    excerpt.dropped = from - begin;
    excerpt.bytes.resize(size - from);
    const auto got =
        ::pread(fd, excerpt.bytes.data(), excerpt.bytes.size(), static_cast<off_t>(from));
    excerpt.bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    ::close(fd);
}

std::string attempt_of_all(const engine::FailureInfo& info) {
    return info.attempts ? fmt::format("{}/{}", info.attempt, *info.attempts)
                         : std::to_string(info.attempt);
}

std::string summary(const engine::FailureInfo& info) {
    switch (info.kind) {
        case Kind::recovery: return "SUCCESS again";
        case Kind::overdue:
            return fmt::format("OVERDUE: no success for {}", format_duration(info.elapsed));
        case Kind::reminder: return "still " + outcome_word(info);
        case Kind::alert: {
            std::string words = info.alert;
            std::replace(words.begin(), words.end(), '-', ' ');
            return words;
        }
        case Kind::failure: break;
    }
    std::string text(to_string(info.outcome));
    if (!info.reason.empty()) text += ": " + info.reason;
    if (info.status && info.reason.empty()) text += ": " + describe(*info.status);
    return text;
}

bool is_of_attempt(const engine::FailureInfo& info) {
    return info.kind == Kind::failure || info.kind == Kind::recovery;
}

std::string outcome_word(const engine::FailureInfo& info) {
    if (info.kind == Kind::alert) return "ALERT " + info.alert;
    if (info.kind == Kind::overdue) return "OVERDUE";
    const bool failed = info.outcome == Outcome::failed || info.outcome == Outcome::timeout ||
                        info.outcome == Outcome::lost;
    if (info.kind != Kind::reminder || failed) return std::string(to_string(info.outcome));
    // The latest run was stopped, or it is of an incident that began with no run at all.
    return info.failures > 0 ? "FAILED" : "OVERDUE";
}

std::string render_message(const engine::FailureInfo& info, const TimeZone& zone) {
    if (info.kind == Kind::alert) {
        return without_mail_commands(printable_lines(render_alert(info, zone)));
    }
    const bool of_attempt = is_of_attempt(info);
    std::string text;
    add(text, "Task", info.task);
    if (!info.description.empty()) add(text, "About", info.secrets.masked(info.description));
    add(text, "Outcome", summary(info));
    if (info.kind == Kind::overdue) {
        add(text, "Success",
            info.since == WallTime{} ? "none is known" : format_local(info.since, zone));
    } else if (info.since != WallTime{}) {
        add(text, "Since", format_local(info.since, zone));
    }
    if (info.failures > 0) add(text, "Failures", fmt::format("{} in a row", info.failures));
    if (info.status) add(text, "Ended by", describe(*info.status));
    if (of_attempt) add(text, "Attempt", attempt_of_all(info));
    if (info.run != 0) add(text, of_attempt ? "Run" : "Last run", std::to_string(info.run));
    add(text, "Time", format_local(info.at, zone));
    if (of_attempt) add(text, "Took", format_duration(info.elapsed));
    add(text, "Command", info.secrets.masked(info.command));
    add(text, "Directory", info.working_directory);
    text = printable_lines(text);
    text += section("standard output", info.standard_output, info.secrets);
    text += section("standard error", info.standard_error, info.secrets);
    return without_mail_commands(text);
}

std::string fill_placeholders(std::string_view command, const engine::FailureInfo& info) {
    const std::string code = info.status ? std::to_string(info.status->shell_code()) : "-";
    const std::array<std::pair<std::string_view, std::string>, 5> values = {{
        {"{task}", info.task},
        {"{outcome}", outcome_word(info)},
        {"{code}", code},
        {"{attempt}", is_of_attempt(info) ? attempt_of_all(info) : "-"},
        {"{run}", info.run == 0 ? "-" : std::to_string(info.run)},
    }};
    std::string filled;
    while (!command.empty()) {
        const auto hit = std::find_if(values.begin(), values.end(), [&](const auto& value) {
            return command.starts_with(value.first);
        });
        if (hit != values.end()) {
            filled += hit->second;
            command.remove_prefix(hit->first.size());
        } else {
            filled.push_back(command.front());
            command.remove_prefix(1);
        }
    }
    return filled;
}

}  // namespace bansuri::notify
