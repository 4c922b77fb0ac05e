// SPDX-License-Identifier: MIT
#include "import/crontab_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "import/crontab_times.hpp"

namespace bansuri::imports {
namespace {

constexpr std::string_view blanks = " \t";
// isspace() in the C locale, which cron uses around names and values of variables.
constexpr std::string_view spaces = " \t\r\v\f";

void skip(std::string_view& text, std::string_view characters) {
    text.remove_prefix(std::min(text.find_first_not_of(characters), text.size()));
}

/// The text up to the next blank, which is taken off `text` with the blanks behind it.
std::string_view next_word(std::string_view& text) {
    const std::string_view word = text.substr(0, text.find_first_of(blanks));
    text.remove_prefix(word.size());
    skip(text, blanks);
    return word;
}

/// A name or a value, in matching quotes or up to one of `ends`; nothing if a quote is left open.
std::optional<std::string> take_part(std::string_view& text, std::string_view ends) {
    if (!text.empty() && (text[0] == '"' || text[0] == '\'')) {
        const auto close = text.find(text[0], 1);
        if (close == std::string_view::npos) return std::nullopt;
        std::string part(text.substr(1, close - 1));
        text.remove_prefix(close + 1);
        return part;
    }
    const std::string_view part = text.substr(0, text.find_first_of(ends));
    text.remove_prefix(part.size());
    return std::string(part);
}

/// Nothing if the line sets no variable; cron then takes it for a job.
std::optional<VariableLine> read_variable(std::string_view line) {
    auto name = take_part(line, " \t\r\v\f=");
    if (!name || name->empty() || name->find('=') != std::string::npos) return std::nullopt;
    skip(line, spaces);
    if (!line.starts_with('=')) return std::nullopt;
    line.remove_prefix(1);
    skip(line, spaces);
    const bool quoted = line.starts_with('"') || line.starts_with('\'');
    auto value = take_part(line, "");
    if (!value) return std::nullopt;
    if (quoted) {
        // Behind a quoted value nothing may stand.
        skip(line, spaces);
        if (!line.empty()) return std::nullopt;
    } else {
        value->erase(std::min(value->find_last_not_of(spaces) + 1, value->size()));
    }
    return VariableLine{*std::move(name), *std::move(value)};
}

bool is_macro(std::string_view word) {
    constexpr auto macros =
        std::to_array<std::string_view>({"@reboot", "@yearly", "@annually", "@monthly", "@weekly",
                                         "@daily", "@midnight", "@hourly"});
    return std::find(macros.begin(), macros.end(), word) != macros.end();
}

}  // namespace

CrontabLine read_crontab_line(std::string_view line, bool system) {
    skip(line, spaces);
    if (line.empty() || line[0] == '#') return BlankLine{};
    if (line.find('\0') != std::string_view::npos) return BadLine{"it holds a NUL character"};
    if (auto variable = read_variable(line)) return *std::move(variable);

    JobLine job;
    const std::string_view seed = line;
    if (line[0] == '-') {
        line.remove_prefix(1);
        job.notes.emplace_back(
            "The leading \"-\" kept cronie from logging each run; Bansuri records every run.");
    }
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
        job.notes.emplace_back(
            "The line ended with a carriage return, which cron made part of the command; it is "
            "left out.");
    }
    if (line.starts_with('@')) {
        const std::string_view word = next_word(line);
        if (!is_macro(word)) {
            return BadLine{fmt::format("cron knows no {}", shown(word, 40))};
        }
        job.schedule = word;
    } else {
        std::vector<std::string_view> fields;
        while (fields.size() < 5 && !line.empty()) fields.push_back(next_word(line));
        if (fields.size() < 5) {
            return BadLine{"a line has five fields of time and a command, or sets a variable"};
        }
        auto times = read_cron_times(fields, seed, job.notes);
        if (!times) return BadLine{times.error().message};
        job.schedule = *std::move(times);
    }
    if (system) {
        job.user = next_word(line);
        if (job.user.find('/') != std::string::npos) {
            return BadLine{
                fmt::format("\"{}\" stands where a system crontab names the user; if it is a "
                            "user's own crontab, say --user",
                            shown(job.user, 40))};
        }
    }
    if (line.empty()) return BadLine{"there is no command"};
    if (line[0] == '*') return BadLine{"the command begins with a star: there is a field too many"};
    job.command = line;
    return job;
}

CronCommand split_command(std::string_view written) {
    CronCommand command;
    std::string input;
    bool ended = false;
    for (std::size_t i = 0; i < written.size(); ++i) {
        std::string& target = ended ? input : command.line;
        const char c = written[i];
        if (c == '\\' && i + 1 < written.size() && written[i + 1] == '%') {
            target += '%';
            ++i;
        } else if (c != '%') {
            target += c;
        } else if (ended) {
            target += '\n';
        } else {
            ended = true;
        }
    }
    if (input.empty()) return command;  // as for cron: nothing to read
    if (!input.ends_with('\n')) input += '\n';
    command.input = std::move(input);
    return command;
}

}  // namespace bansuri::imports
