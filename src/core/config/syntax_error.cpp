// SPDX-License-Identifier: MIT
#include "core/config/syntax_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "core/config/diagnostic.hpp"
#include "core/config/token_cursor.hpp"

namespace bansuri::config {
namespace {

using After = SyntaxContext::After;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_hex(char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; }

/// The letters, digits and signs at `at`: what a person would call the word that stands there.
std::string_view word_at(std::string_view text, Offset at) {
    Offset end = at;
    while (end < text.size() && (is_letter(text[end]) || is_digit(text[end]) || text[end] == '-' ||
                                 text[end] == '+' || text[end] == '.')) {
        ++end;
    }
    return text.substr(at, end - at);
}

/// The unclosed comment that swallows the text behind `at`, where no string stands.
std::optional<Offset> unclosed_comment(std::string_view text, Offset at) {
    while (at < text.size()) {
        const std::string_view rest = text.substr(at);
        if (rest.starts_with("/*") || rest.starts_with("//")) {
            const bool block = rest[1] == '*';
            const std::size_t end = block ? rest.find("*/", 2) : rest.find('\n');
            if (end == std::string_view::npos) {
                return block ? std::optional<Offset>(at) : std::nullopt;
            }
            at += static_cast<Offset>(end) + 1;
        }
        ++at;
    }
    return std::nullopt;
}

TextFault truncated(const SourceText& source, const SyntaxContext& context, Offset end) {
    if (const auto comment = unclosed_comment(source.text(), context.last.end)) {
        return {*comment, {"the comment is not closed", "add */"}};
    }
    if (context.open.empty()) {
        return {end,
                {source.text().size() == source.begin() ? "the file is empty"
                                                        : "the file holds no configuration",
                 R"(write at least {"scripts": []})"}};
    }
    const Offset open = context.open.back();
    const bool object = source.text()[open] == '{';
    return {end,
            {fmt::format("the file ends inside the {} that opens at {}", object ? "object" : "list",
                         to_string(source.locate(open))),
             fmt::format("close it with \"{}\"; was the file written to its end?",
                         object ? '}' : ']')}};
}

std::uint32_t code_unit(std::string_view text, Offset at) {
    return static_cast<std::uint32_t>(std::stoul(std::string(text.substr(at, 4)), nullptr, 16));
}

TextFault bad_escape(std::string_view text, Offset at) {
    return {at,
            {fmt::format("\"{}\" is not an escape of JSON", printable(text.substr(at, 2))),
             R"(write \\ for a backslash)"}};
}

/// What is wrong within the string whose opening quote stands at `quote`.
TextFault string_fault(std::string_view text, Offset quote) {
    const auto is_unit = [&](Offset at) {
        return at + 4 <= text.size() &&
               std::all_of(text.begin() + at, text.begin() + at + 4, is_hex);
    };
    for (Offset at = quote + 1; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte == '"') break;
        if (byte == '\n' || byte == '\r') {
            return {quote,
                    {"the string is not closed on its line",
                     R"(add the closing quote; a line break within a string is written \n)"}};
        }
        if (byte < 0x20) {
            return {
                at,
                {fmt::format("a string holds the control character U+{:04X}", byte),
                 byte == '\t' ? std::string(R"(write \t)") : fmt::format("write \\u{:04x}", byte)}};
        }
        if (byte != '\\') continue;
        const Offset escape = at++;
        if (at >= text.size()) break;
        if (text[at] != 'u') {
            if (std::string_view(R"("\/bfnrt)").find(text[at]) == std::string_view::npos) {
                return bad_escape(text, escape);
            }
            continue;
        }
        if (!is_unit(at + 1)) {
            return {escape,
                    {R"(\u is not followed by four hexadecimal digits)", R"(write \u00e9)"}};
        }
        const std::uint32_t first = code_unit(text, at + 1);
        at += 4;
        if (first < 0xD800 || first > 0xDFFF) continue;
        const bool pair = first < 0xDC00 && text.substr(at + 1, 2) == "\\u" && is_unit(at + 3) &&
                          code_unit(text, at + 3) >= 0xDC00 && code_unit(text, at + 3) <= 0xDFFF;
        if (!pair) {
            return {escape,
                    {"half of a surrogate pair is not a character",
                     "write the character itself, in UTF-8"}};
        }
        at += 6;
    }
    return {quote, {"the string is not closed before the file ends", "add the closing quote"}};
}

/// A number as JSON writes it.
bool is_number(std::string_view word) {
    std::size_t at = word.starts_with('-') ? 1 : 0;
    const auto digits = [&] {
        const std::size_t begin = at;
        while (at < word.size() && is_digit(word[at])) ++at;
        return at - begin;
    };
    const bool zero = at < word.size() && word[at] == '0';
    const std::size_t whole = digits();
    if (whole == 0 || (zero && whole > 1)) return false;
    if (at < word.size() && word[at] == '.' && (++at, digits() == 0)) return false;
    if (at < word.size() && (word[at] == 'e' || word[at] == 'E')) {
        ++at;
        if (at < word.size() && (word[at] == '+' || word[at] == '-')) ++at;
        if (digits() == 0) return false;
    }
    return at == word.size();
}

TextFault bad_number(std::string_view text, Offset at) {
    const std::string_view written = word_at(text, at);
    const std::string word = printable(written);
    const std::string_view digits = text.substr(at + (text[at] == '-' ? 1 : 0));
    if (digits.size() > 1 && digits[0] == '0' && is_digit(digits[1])) {
        return {at, {fmt::format("{} begins with a zero", word), "remove the zero, or add quotes"}};
    }
    if (word.find_first_not_of("0123456789-+.eE") != std::string::npos) {
        return {at,
                {fmt::format("{} is not a number of JSON", word),
                 "put values with a unit in quotes, as in \"30s\""}};
    }
    if (is_number(written)) {
        return {at, {fmt::format("the number {} is too large", word), "write a smaller one"}};
    }
    return {at, {fmt::format("{} is not a number of JSON", word), "write for example 30 or 0.5"}};
}

TextFault bad_word(std::string_view text, Offset at) {
    const std::string word = printable(word_at(text, at));
    std::string lower = word.substr(word.starts_with('-') ? 1 : 0);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower == "nan" || lower == "inf" || lower == "infinity") {
        return {at, {fmt::format("{} is not a value of JSON", word), "write a finite number"}};
    }
    if (lower == "true" || lower == "false") {
        return {at,
                {fmt::format("{} is not a value of JSON", word), fmt::format("write {}", lower)}};
    }
    return {at,
            {fmt::format("{} is not a value of JSON", word), fmt::format("write \"{}\"", word)}};
}

std::string character_at(std::string_view text, Offset at) {
    std::size_t end = at + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    return printable(text.substr(at, end - at));
}

TextFault unexpected(std::string_view text, Offset at, std::string_view expected) {
    const char c = text[at];
    if (c == '\'') {
        return {at, {"JSON knows no single quotes", "write double quotes"}};
    }
    return {at,
            {fmt::format("\"{}\" stands where {} must be", character_at(text, at), expected),
             "remove or correct it"}};
}

TextFault bad_key(std::string_view text, Offset at) {
    if (text[at] == '"') return string_fault(text, at);
    if (is_letter(text[at])) {
        const std::string word = printable(word_at(text, at));
        return {at,
                {fmt::format("the key {} has no quotes", word), fmt::format("write \"{}\"", word)}};
    }
    if (text[at] == ',') return {at, {"there is a comma too many", "remove it"}};
    return unexpected(text, at, "a key in double quotes");
}

TextFault bad_value(std::string_view text, Offset at) {
    const char c = text[at];
    if (c == '"') return string_fault(text, at);
    if (is_digit(c) || c == '+' || c == '.') return bad_number(text, at);
    if (c == '-') {
        return at + 1 < text.size() && is_letter(text[at + 1]) ? bad_word(text, at)
                                                               : bad_number(text, at);
    }
    if (is_letter(c)) return bad_word(text, at);
    if (c == ',') return {at, {"there is a comma where a value must be", "remove it"}};
    if (c == '}' || c == ']') {
        return {at, {fmt::format("\"{}\" stands where a value must be", c), "add the value"}};
    }
    return unexpected(text, at, "a value");
}

}  // namespace

TextFault explain_syntax_error(const SourceText& source, const SyntaxContext& context) {
    const std::string_view text = source.text();
    Offset at = skip_blanks(text, context.last.end);
    const bool in_object = !context.open.empty() && text[context.open.back()] == '{';
    const char closer = in_object ? '}' : ']';

    if (at == text.size()) return truncated(source, context, at);
    if (text[at] == '/') return {at, {"a single / begins no comment", "write // or /*"}};
    if (text[at] == '#') return {at, {"# begins no comment", "begin the comment with //"}};

    if (context.after == After::key) {
        if (text[at] != ':') {
            return {at, {"there is no colon after the key", "write \"key\": value"}};
        }
        at = skip_blanks(text, at + 1);
        return at == text.size() ? truncated(source, context, at) : bad_value(text, at);
    }
    if (context.after == After::value) {
        // Of 5m the parser took the 5, of 05 the 0, of nulls the null.
        const std::string_view last =
            text.substr(context.last.begin, context.last.end - context.last.begin);
        const bool is_word =
            !last.empty() && (is_letter(last[0]) || is_digit(last[0]) || last[0] == '-');
        if (is_word && !is_number(last) && last != "true" && last != "false" && last != "null") {
            return bad_value(text, context.last.begin);
        }
        if (context.open.empty()) {
            return {at,
                    {"there is text after the end of the configuration",
                     "remove it, or the bracket that closed the configuration too early"}};
        }
        if (text[at] == '}' || text[at] == ']') {
            return {at,
                    {fmt::format("\"{}\" closes the {} that opens at {}", text[at],
                                 in_object ? "object" : "list",
                                 to_string(source.locate(context.open.back()))),
                     fmt::format("write \"{}\"", closer)}};
        }
        if (text[at] != ',') {
            return {at,
                    {"there is no comma before this", "add one after the value that ends here"}};
        }
        const Offset comma = at;
        at = skip_blanks(text, at + 1);
        if (at == text.size()) return truncated(source, context, at);
        if (text[at] == '}' || text[at] == ']') {
            return {comma,
                    {fmt::format("there is a comma before \"{}\"", text[at]), "remove the comma"}};
        }
    }
    return in_object ? bad_key(text, at) : bad_value(text, at);
}

}  // namespace bansuri::config
