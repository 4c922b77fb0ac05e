// SPDX-License-Identifier: MIT
#include "core/environment_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/quote.hpp"

namespace bansuri {
namespace {

constexpr std::string_view blanks = " \t";

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

bool is_name(std::string_view name) {
    return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
           std::all_of(name.begin(), name.end(), is_name_character);
}

/// Reads from the front of the text, and knows the line that it is in.
class LineReader {
  public:
    explicit LineReader(std::string_view text) : rest_(text) {
        constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
        if (rest_.starts_with(byte_order_mark)) rest_.remove_prefix(byte_order_mark.size());
    }

    Result<Variables> all() {
        Variables variables;
        while (skip_to_name()) {
            auto variable = assignment();
            if (!variable) return tl::unexpected(variable.error());
            variables.push_back(*std::move(variable));
        }
        return variables;
    }

  private:
    bool at_end() const { return rest_.empty(); }
    char peek() const { return rest_.empty() ? '\n' : rest_.front(); }
    bool at_line_end() const {
        return rest_.empty() || rest_.front() == '\n' || rest_.starts_with("\r\n");
    }
    char take() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        if (c == '\n') ++line_;
        return c;
    }
    void skip_blanks() {
        while (!at_end() && blanks.find(peek()) != std::string_view::npos) take();
    }
    void skip_line() {
        while (!at_end() && take() != '\n') {
        }
    }
    /// Over empty lines and comments. False: there is nothing more.
    bool skip_to_name() {
        for (skip_blanks(); !at_end(); skip_blanks()) {
            if (!at_line_end() && peek() != '#') return true;
            skip_line();
        }
        return false;
    }

    tl::unexpected<Error> wrong(std::size_t line, std::string_view why) const {
        return fail(ErrorCode::config_invalid, fmt::format("line {}: {}", line, why));
    }

    Result<std::pair<std::string, std::string>> assignment() {
        const std::size_t line = line_;
        std::string name = take_name();
        if (name == "export" && blanks.find(peek()) != std::string_view::npos) {
            skip_blanks();
            name = take_name();
        }
        if (!is_name(name) || peek() != '=') {
            return wrong(line,
                         "this is no NAME=value; a name has letters, digits and _ . -, no "
                         "digit first, and = right behind it; lead a comment with #");
        }
        take();
        Result<std::string> value = take_value(line, name);
        if (!value) return tl::unexpected(value.error());
        return std::pair(std::move(name), *std::move(value));
    }

    std::string take_name() {
        std::string name;
        while (!at_end() && is_name_character(peek())) name += take();
        return name;
    }

    Result<std::string> take_value(std::size_t line, const std::string& name) {
        skip_blanks();
        if (peek() != '"' && peek() != '\'') return take_plain();
        const char quote = take();
        std::string value;
        while (!at_end() && peek() != quote) {
            value += quote == '"' && peek() == '\\' ? take_escape() : std::string(1, take());
        }
        if (at_end()) {
            return wrong(line, fmt::format("the value of {} begins with {} and has no other one to "
                                           "end it; add it, or put the value into the other kind",
                                           name, quote));
        }
        take();
        skip_blanks();
        if (!at_line_end() && peek() != '#') {
            return wrong(line_, fmt::format("something follows the quoted value of {}; put all of "
                                            "it into the quotes",
                                            name));
        }
        skip_line();
        return value;
    }

    std::string take_plain() {
        std::string value;
        while (!at_line_end()) {
            // A comment has a blank before it: a value may have a # in it, as colours and links do.
            const bool after_blank =
                value.empty() || blanks.find(value.back()) != std::string_view::npos;
            if (peek() == '#' && after_blank) break;
            value += take();
        }
        if (!at_end()) skip_line();
        value.erase(value.find_last_not_of(blanks) + 1);
        return value;
    }

    /// As in shells and in C; what means nothing stays as it is.
    std::string take_escape() {
        take();
        if (at_end()) return "\\";
        const char c = take();
        switch (c) {
            case 'n': return "\n";
            case 'r': return "\r";
            case 't': return "\t";
            case '"':
            case '\\':
            case '$':
            case '`': return std::string(1, c);
            case '\n': return {};  // the line goes on
            default: return {'\\', c};
        }
    }

    std::string_view rest_;
    std::size_t line_ = 1;
};

}  // namespace

Result<Variables> parse_dotenv(std::string_view text) {
    if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
        const auto line =
            std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(nul), '\n') + 1;
        return fail(ErrorCode::config_invalid,
                    fmt::format("line {}: there is a NUL byte in it; is this a text file?", line));
    }
    return LineReader(text).all();
}

Result<Variables> parse_json_variables(std::string_view text) {
    using Json = nlohmann::ordered_json;
    Variables variables;
    try {
        const Json document = Json::parse(text.begin(), text.end(), nullptr, true, true);
        if (!document.is_object()) {
            return fail(ErrorCode::config_invalid,
                        "it is no JSON object; write {\"NAME\": \"value\"}");
        }
        for (const auto& [name, value] : document.items()) {
            if (name.empty() || name.find('=') != std::string::npos ||
                name.find('\0') != std::string::npos) {
                return fail(ErrorCode::config_invalid,
                            fmt::format("{} is no name of a variable; it has no = and no NUL in it",
                                        quote(name)));
            }
            if (!value.is_string() && !value.is_number() && !value.is_boolean()) {
                return fail(ErrorCode::config_invalid,
                            fmt::format("the value of {} is {}; write a string", quote(name),
                                        value.type_name()));
            }
            std::string told = value.is_string() ? value.get<std::string>() : value.dump();
            if (told.find('\0') != std::string::npos) {
                return fail(ErrorCode::config_invalid,
                            fmt::format("the value of {} has a NUL in it, which no variable can "
                                        "have; remove it",
                                        quote(name)));
            }
            variables.emplace_back(name, std::move(told));
        }
    } catch (const Json::parse_error& error) {
        // Its own words would show a part of the value.
        const auto end = text.begin() + static_cast<std::ptrdiff_t>(
                                            std::min<std::size_t>(error.byte, text.size()));
        return fail(ErrorCode::config_invalid,
                    fmt::format("line {}: this is no JSON; correct it",
                                std::count(text.begin(), end, '\n') + 1));
    }
    return variables;
}

Result<Variables> parse_environment_file(std::string_view path, std::string_view text) {
    return path.ends_with(".json") ? parse_json_variables(text) : parse_dotenv(text);
}

}  // namespace bansuri
