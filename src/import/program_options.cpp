// SPDX-License-Identifier: MIT
#include "import/program_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "import/expansion.hpp"

namespace bansuri::imports {
namespace {

constexpr std::size_t most_variables = 200;

}  // namespace

std::string lowered(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
    }
    return lower;
}

std::optional<bool> boolean_in(std::string_view text) {
    const std::string word = lowered(text);
    if (word == "yes" || word == "true" || word == "on" || word == "1") return true;
    if (word == "no" || word == "false" || word == "off" || word == "0") return false;
    return std::nullopt;
}

std::optional<long> number_in(std::string_view text) {
    long value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
    return value;
}

Result<std::vector<std::pair<std::string, std::string>>> read_variables(std::string_view text) {
    const auto wrong = [text] {
        return fail(
            ErrorCode::config_invalid,
            fmt::format("environment: {}: it is not of the form KEY=\"value\",KEY2=\"value\"",
                        shown(text)));
    };
    constexpr std::string_view spaces = " \t\r\n\v\f";
    std::vector<std::pair<std::string, std::string>> variables;
    const auto skip = [&] {
        text.remove_prefix(std::min(text.find_first_not_of(spaces), text.size()));
    };
    for (skip(); !text.empty(); skip()) {
        const auto equals = text.find_first_of("=,\"' \t\r\n");
        if (equals == 0 || equals == std::string_view::npos) return wrong();
        std::string name(text.substr(0, equals));
        text.remove_prefix(equals);
        skip();
        if (!text.starts_with('=')) return wrong();
        text.remove_prefix(1);
        skip();
        std::string value;
        if (text.starts_with('"') || text.starts_with('\'')) {
            const auto close = text.find(text[0], 1);
            if (close == std::string_view::npos) return wrong();
            value = text.substr(1, close - 1);
            text.remove_prefix(close + 1);
        } else {
            const auto end = std::min(text.find_first_of(",\"' \t\r\n"), text.size());
            if (end == 0) return wrong();
            value = text.substr(0, end);
            text.remove_prefix(end);
        }
        if (variables.size() == most_variables) return wrong();
        variables.emplace_back(std::move(name), std::move(value));
        skip();
        if (text.empty()) break;
        if (!text.starts_with(',')) return wrong();
        text.remove_prefix(1);
    }
    return variables;
}

ProgramOptions::ProgramOptions(const IniSection& section, const SupervisorGlobals& globals,
                               std::string program, std::string group)
    : section_(section),
      globals_(globals),
      program_(std::move(program)),
      group_(std::move(group)) {}

Result<void> ProgramOptions::turn_to(long number, long count) {
    number_ = number;
    count_ = count;
    notes_.clear();
    environment_ = Json::object();
    for (const auto& [name, value] : globals_.environment) environment_[name] = value;
    const auto own = value("environment");
    if (!own) return tl::unexpected(own.error());
    const auto variables = read_variables(*own);
    if (!variables) return tl::unexpected(variables.error());
    for (const auto& [name, value] : *variables) environment_[name] = value;
    return {};
}

const std::string* ProgramOptions::written(const std::string& key) const {
    if (const auto own = section_.options.find(key); own != section_.options.end()) {
        return &own->second;
    }
    const auto inherited = globals_.defaults.find(key);
    return inherited == globals_.defaults.end() ? nullptr : &inherited->second;
}

std::optional<std::string> ProgramOptions::lookup(std::string_view name, bool in_command) const {
    if (name == "here") return section_.here;
    if (name == "program_name") return program_;
    if (name == "group_name") return group_;
    if (name == "process_num") return std::to_string(number_);
    if (name == "numprocs") return std::to_string(count_);
    if (name == "host_node_name" && !globals_.host_name.empty()) return globals_.host_name;
    if (!name.starts_with("ENV_")) return std::nullopt;
    const std::string variable(name.substr(4));
    if (const auto own = environment_.find(variable); own != environment_.end()) {
        return own->get<std::string>();
    }
    const auto common = globals_.environment.find(variable);
    if (common != globals_.environment.end()) return common->second;
    const bool is_name = !variable.empty() && variable.find_first_not_of(
                                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                  "abcdefghijklmnopqrstuvwxyz_"
                                                  "0123456789") == std::string::npos;
    if (!in_command || !is_name) return std::nullopt;
    return variable_begins + variable + variable_ends;
}

Result<std::string> ProgramOptions::value(const std::string& key, std::string_view fallback,
                                          bool in_command) const {
    const std::string* const own = written(key);
    auto expanded = expand(own == nullptr ? fallback : std::string_view(*own),
                           [&](std::string_view name) { return lookup(name, in_command); });
    if (!expanded) {
        return fail(expanded.error().code, fmt::format("{}: {}", key, expanded.error().message));
    }
    return expanded;
}
std::optional<std::string> ProgramOptions::text(const std::string& key) {
    if (written(key) == nullptr) return std::nullopt;
    auto found = value(key);
    if (found) return *std::move(found);
    note("Left out: " + found.error().message + '.');
    return std::nullopt;
}
std::optional<long> ProgramOptions::number(const std::string& key) {
    const auto words = text(key);
    if (!words) return std::nullopt;
    const auto whole = number_in(*words);
    if (!whole) note(fmt::format("Left out: {}={}: it is no number.", key, shown(*words)));
    return whole;
}
bool ProgramOptions::flag(const std::string& key, bool fallback) {
    const auto words = text(key);
    if (!words) return fallback;
    const auto claim = boolean_in(*words);
    if (!claim) note(fmt::format("Left out: {}={}: it is not true or false.", key, shown(*words)));
    return claim.value_or(fallback);
}

}  // namespace bansuri::imports
