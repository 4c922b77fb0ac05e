// SPDX-License-Identifier: MIT
#include "core/config/reference.hpp"

#include <fmt/format.h>

#include <iterator>
#include <span>
#include <string_view>

#include "core/config/key_table.hpp"

namespace bansuri {
namespace {

using namespace config;

/// Text for a cell of a table.
std::string cell(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '|') escaped += '\\';
        escaped += c;
    }
    return escaped;
}

std::string kind_of(const ValueSpec& spec) {
    if (spec.kind != ValueKind::choice) {
        return spec.kind == ValueKind::object ? "an object" : describe(spec);
    }
    std::string words;
    for (const Choice& choice : spec.choices) {
        words += fmt::format("{}`{}`", words.empty() ? "" : ", ", choice.word);
    }
    return words;
}

std::string meaning_of(const KeyRow& row) {
    std::string text(row.doc);
    if (!row.spec.choices.empty()) {
        std::string words;
        for (const Choice& choice : row.spec.choices) {
            words +=
                fmt::format("{}`{}`: {}{}", words.empty() ? " " : "; ", choice.word, choice.doc,
                            choice.availability == Availability::now ? "" : " (not available yet)");
        }
        text += words + ".";
    }
    if (row.availability == Availability::not_yet) text = "*Not available yet.* " + text;
    return text;
}

void write_row(std::string& out, std::string_view name, const KeyRow& row) {
    std::string fallback(row.required ? "required" : row.fallback);
    fmt::format_to(std::back_inserter(out), "| `{}` | {} | {} | {} For example `{}`. |\n", name,
                   cell(kind_of(row.spec)), cell(fallback), cell(meaning_of(row)),
                   cell(row.example));
    for (const KeyRow& member : row.spec.members) {
        write_row(out, fmt::format("{}.{}", name, member.name), member);
    }
}

void write_table(std::string& out, std::string_view title, std::span<const KeyRow> rows) {
    fmt::format_to(std::back_inserter(out),
                   "### {}\n\n| key | value | default | meaning |\n| --- | --- | --- | --- |\n",
                   title);
    for (const KeyRow& row : rows) write_row(out, row.name, row);
}

}  // namespace

std::string markdown_reference() {
    std::string out;
    write_table(out, "Keys of the root", root_keys());
    out += '\n';
    write_table(out, "Keys of a task", task_keys());
    return out;
}

}  // namespace bansuri
