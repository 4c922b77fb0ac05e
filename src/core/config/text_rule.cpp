// SPDX-License-Identifier: MIT
#include "core/config/text_rule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/config/schedule_cache.hpp"
#include "core/quote.hpp"

namespace bansuri::config {
namespace {

using Answer = std::optional<Problem>;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_letter(c) || is_digit(c) || c == '_'; }

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

Answer check_any(std::string_view text, ScheduleCache& /*cache*/) {
    if (text.find('\0') == std::string_view::npos) return std::nullopt;
    return Problem{"it holds a NUL character", R"(remove \u0000)"};
}

Answer check_some(std::string_view text, ScheduleCache& cache) {
    if (is_blank(text)) return Problem{"it is blank", "write a text, or remove the key"};
    return check_any(text, cache);
}

Answer check_name(std::string_view text, ScheduleCache& /*cache*/) {
    constexpr std::string_view remedy =
        "write 1 to 128 letters (a-z, A-Z), digits, blanks or . _ : @ + -";
    if (text.empty()) return Problem{"the name is empty", std::string(remedy)};
    if (text.size() > longest_name) {
        return Problem{"the name is longer than 128 characters", "shorten it"};
    }
    if (text[0] == '.' || text[0] == ' ') {
        return Problem{text[0] == '.' ? "a name must not begin with a dot"
                                      : "a name must not begin with a blank",
                       "begin it with a letter or digit"};
    }
    for (const char c : text) {
        if (is_word(c) || std::string_view(" .:@+-").find(c) != std::string_view::npos) continue;
        const bool ascii = c > ' ' && c < 0x7F;
        return Problem{ascii ? fmt::format("a name must not hold \"{}\"", c)
                             : "a name must not hold control characters or letters beyond a-z",
                       std::string(remedy)};
    }
    return std::nullopt;
}

Answer check_command(std::string_view text, ScheduleCache& cache) {
    if (is_blank(text)) return Problem{"the command is blank", R"(write for example "date")"};
    if (text.size() > longest_argument) {
        return Problem{fmt::format("the command has {} bytes, and the kernel takes {} at most",
                                   text.size(), longest_argument),
                       "put it in a script file and run that"};
    }
    return check_any(text, cache);
}

Answer check_class(std::string_view text, ScheduleCache& /*cache*/) {
    const auto colon = text.rfind(':');
    const auto is_identifier = [](std::string_view word) {
        return !word.empty() && !is_digit(word[0]) &&
               std::all_of(word.begin(), word.end(), is_word);
    };
    const auto is_module = [&](std::string_view word) {
        for (std::size_t at = 0; at <= word.size();) {
            const std::size_t dot = std::min(word.find('.', at), word.size());
            if (!is_identifier(word.substr(at, dot - at))) return false;
            at = dot + 1;
        }
        return true;
    };
    const bool good =
        colon != std::string_view::npos && is_identifier(text.substr(colon + 1)) &&
        (is_module(text.substr(0, colon)) || (colon > 3 && text.substr(0, colon).ends_with(".so")));
    if (good && text.find('\0') == std::string_view::npos) return std::nullopt;
    return Problem{"it names no task class",
                   R"(write "package.module:Class" (Python) or "path/lib.so:Class" (C++))"};
}

Answer check_path(std::string_view text, ScheduleCache& cache) {
    if (text.empty()) return Problem{"the path is empty", "write a path, or remove the key"};
    if (text.size() > longest_path) {
        return Problem{fmt::format("the path is longer than {} bytes", longest_path), "shorten it"};
    }
    return check_any(text, cache);
}

Answer check_cron(std::string_view text, ScheduleCache& cache) {
    if (text == "@reboot") return std::nullopt;
    const auto schedule = cache.cron(text, cache.expected_zone());
    if (schedule) return std::nullopt;
    return problem_of(schedule.error().message, text);
}

Answer check_zone(std::string_view text, ScheduleCache& cache) {
    const auto zone = cache.zone(text);
    if (zone) return std::nullopt;
    return problem_of(zone.error().message, text);
}

Answer check_mask(std::string_view text, ScheduleCache& /*cache*/) {
    const bool good = (text.size() == 3 || (text.size() == 4 && text[0] == '0')) &&
                      text.find_first_not_of("01234567") == std::string_view::npos;
    if (good) return std::nullopt;
    return Problem{"it is not a file mode mask", R"(write octal digits as in "0022")"};
}

Answer check_address(std::string_view text, ScheduleCache& /*cache*/) {
    const std::size_t scheme = text.starts_with("http://")    ? 7
                               : text.starts_with("https://") ? 8
                                                              : text.size();
    const bool printable_only =
        std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7F; });
    if (printable_only && scheme < text.size() && text[scheme] != '/') return std::nullopt;
    return Problem{"it is not a web address", R"(write for example "https://example.org/ping")"};
}

Answer check_variable(std::string_view text, ScheduleCache& cache) {
    if (text.empty()) return Problem{"a variable has no name", "name it, or remove it"};
    if (text.find('=') != std::string_view::npos) {
        return Problem{R"(the name of a variable holds "=")", R"(write "NAME": "value")"};
    }
    return check_any(text, cache);
}

Answer check_version(std::string_view text, ScheduleCache& /*cache*/) {
    if (text == "1.0") return std::nullopt;
    return Problem{"this version of Bansuri reads configurations of version 1.0 only",
                   R"(write "1.0")"};
}

}  // namespace

constinit const TextRule any_text{"^[^\\u0000]*$", 0, check_any};
constinit const TextRule some_text{"^[^\\u0000]*[^ \\t\\r\\n\\v\\f\\u0000][^\\u0000]*$", 0,
                                   check_some};
constinit const TextRule task_name{"^[A-Za-z0-9_:@+\\-][A-Za-z0-9 ._:@+\\-]*$", longest_name,
                                   check_name};
constinit const TextRule command_line{"^[^\\u0000]*[^ \\t\\r\\n\\v\\f\\u0000][^\\u0000]*$",
                                      longest_argument, check_command};
constinit const TextRule class_name{
    "^([A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z_][A-Za-z0-9_]*)*|[^\\u0000]+\\.so):[A-Za-z_][A-Za-z0-9_]*"
    "$",
    0, check_class};
constinit const TextRule path_name{"^[^\\u0000]+$", longest_path, check_path};
constinit const TextRule cron_text{"^\\s*(@[A-Za-z]+|[^\\s@]+(\\s+[^\\s]+){4,5})\\s*$", 0,
                                   check_cron};
constinit const TextRule zone_name{"^[^\\u0000]+$", 0, check_zone};
constinit const TextRule file_mask{"^0?[0-7]{3}$", 0, check_mask};
constinit const TextRule web_address{"^https?://[!-.0-~][!-~]*$", 0, check_address};
constinit const TextRule variable_name{"^[^=\\u0000]+$", 0, check_variable};
constinit const TextRule version_number{"^1\\.0$", 0, check_version};

Problem problem_of(std::string_view message, std::string_view text) {
    std::string reason;
    const std::string shown = quote(text);
    if (const std::string prefix = shown + " is "; message.starts_with(prefix)) {
        message.remove_prefix(prefix.size());
        reason = "it is ";
    } else if (const std::string cron = "cron expression " + shown + ": ";
               message.starts_with(cron)) {
        message.remove_prefix(cron.size());
    }
    const auto semicolon = message.rfind("; ");
    if (semicolon == std::string_view::npos) return {reason.append(message), {}};
    return {reason.append(message.substr(0, semicolon)),
            std::string(message.substr(semicolon + 2))};
}

}  // namespace bansuri::config
