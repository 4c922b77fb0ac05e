// SPDX-License-Identifier: MIT
#include "import/draft_text.hpp"

#include "core/printable.hpp"

namespace bansuri::imports {
namespace {

constexpr std::size_t widest = 100;
constexpr std::size_t indent = 4;

std::string scalar(const Json& value) {
    // Texts were looked at before; what is no UTF-8 in spite of that must not throw.
    return printable_json(value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

std::string in_one_line(const Json& value) {
    if (!value.is_structured()) return scalar(value);
    std::string text(1, value.is_array() ? '[' : '{');
    for (const auto& [key, element] : value.items()) {
        if (text.size() > 1) text += ", ";
        if (value.is_object()) text += scalar(Json(key)) + ": ";
        text += in_one_line(element);
    }
    return text += value.is_array() ? ']' : '}';
}

void DraftText::line(std::string_view text) {
    text_.append(depth_ * indent, ' ').append(text) += '\n';
}

void DraftText::notes(const Notes& notes) {
    const std::size_t room = widest - 3 - depth_ * indent;
    for (const std::string& note : notes) {
        // One line, whatever a foreign file has put into it: else it would end its own comment.
        const std::string whole = printable_line(note);
        std::string_view rest(whole);
        do {
            std::size_t end = rest.size();
            if (end > room) {
                // Between words if there is a blank at all; a word of its own length else.
                end = rest.rfind(' ', room);
                if (end == std::string_view::npos || end == 0) end = rest.find(' ', room);
                if (end == std::string_view::npos) end = rest.size();
            }
            line(rest.empty() ? std::string("//") : "// " + std::string(rest.substr(0, end)));
            rest.remove_prefix(std::min(end + 1, rest.size()));
        } while (!rest.empty());
    }
}

void DraftText::open(std::string_view before, char bracket) {
    line(std::string(before) + bracket);
    ++depth_;
}

void DraftText::close(char bracket, std::string_view after) {
    --depth_;
    line(bracket + std::string(after));
}

void DraftText::members(std::span<const Member> members, bool more) {
    for (const Member& member : members) {
        notes(member.notes);
        const bool last = &member == &members.back() && !more;
        line(in_one_line(Json(member.key)) + ": " + in_one_line(member.value) + (last ? "" : ","));
    }
}

}  // namespace bansuri::imports
