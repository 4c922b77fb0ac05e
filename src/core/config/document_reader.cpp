// SPDX-License-Identifier: MIT
#include "core/config/document_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "core/config/syntax_error.hpp"
#include "core/config/text_fault.hpp"
#include "core/config/token_cursor.hpp"

namespace bansuri::config {
namespace {

using After = SyntaxContext::After;

/// nlohmann's view of the reader: one member function an event; false ends the parse. Each event
/// asks the cursor for the token it stands for.
class Events {
  public:
    Events(std::string_view text, Offset begin, DocumentTaker& taker, DiagnosticSink& sink)
        : taker_(taker), sink_(sink), cursor_(text, begin) {
        context_.last = {begin, begin};
    }

    bool null() { return scalar(JsonKind::null, {}); }
    bool boolean(bool value) { return scalar(JsonKind::boolean, value); }
    bool number_integer(std::int64_t value) { return scalar(JsonKind::number, value); }
    bool number_unsigned(std::uint64_t value) { return scalar(JsonKind::number, value); }
    bool number_float(double value, const std::string& /*token*/) {
        return scalar(JsonKind::number, value);
    }
    bool string(std::string& value) { return scalar(JsonKind::string, {}, value); }
    bool binary(nlohmann::json::binary_t& /*value*/) { return false; }  // not in a text

    bool start_object(std::size_t /*elements*/) { return start(JsonKind::object); }
    bool start_array(std::size_t /*elements*/) { return start(JsonKind::list); }
    bool end_object() { return end(); }
    bool end_array() { return end(); }

    bool key(std::string& name) {
        const Span place = cursor_.next();
        passed(After::key, place);
        if (context_.open.size() == 1) {
            wish_ = taker_.take_key(name, place);
        } else if (collects()) {
            tree_.set_key(name, place);
        }
        return true;
    }

    bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                     const nlohmann::json::exception& /*error*/) {
        failed_ = true;
        return false;
    }

    bool failed() const { return failed_; }
    const SyntaxContext& context() const { return context_; }

  private:
    void passed(After what, Span token) {
        context_.last = token;
        context_.after = what;
    }

    /// Brackets that are open around a part: the root's, and the list's if its elements are parts.
    std::size_t depth_of_parts() const { return in_elements_ ? 2 : 1; }
    bool collects() {
        if (wish_ == DocumentTaker::Wish::nothing) return false;
        overflow_ = overflow_ || tree_.size() >= Limits::values;
        return !overflow_;
    }

    bool scalar(JsonKind kind, ValueTree::Scalar value, std::string_view text = {}) {
        const Span place = cursor_.next();
        passed(After::value, place);
        if (context_.open.empty()) return refuse_root(place);
        if (collects()) tree_.add(kind, place, value, text);
        return context_.open.size() > depth_of_parts() || finish_part(place);
    }

    bool start(JsonKind kind) {
        const Span bracket = cursor_.next();
        passed(After::start, bracket);
        context_.open.push_back(bracket.begin);
        if (context_.open.size() == 1) return kind == JsonKind::object || refuse_root(bracket);
        if (context_.open.size() == 2 && kind == JsonKind::list &&
            wish_ == DocumentTaker::Wish::elements) {
            in_elements_ = true;
        } else if (collects()) {
            tree_.open(kind, bracket);
        }
        return true;
    }

    bool end() {
        const Span bracket = cursor_.next();
        passed(After::value, bracket);
        const Span whole{context_.open.back(), bracket.end};
        context_.open.pop_back();
        if (context_.open.empty()) return true;
        if (in_elements_ && context_.open.size() == 1) {
            in_elements_ = false;
            return true;
        }
        // After an overflow the tree has fewer levels open than the text has brackets.
        if (wish_ != DocumentTaker::Wish::nothing && !overflow_) {
            tree_.close(bracket);
        }
        return context_.open.size() > depth_of_parts() || finish_part(whole);
    }

    bool finish_part(Span place) {
        bool go_on = true;
        if (wish_ != DocumentTaker::Wish::nothing) {
            if (std::exchange(overflow_, false)) {
                taker_.refuse(place);
            } else if (in_elements_) {
                go_on = taker_.take_element(tree_.root());
            } else {
                taker_.take_value(tree_.root());
            }
            tree_.clear();
        }
        return go_on;
    }

    bool refuse_root(Span place) {
        sink_.report_at(Severity::error, {}, place.begin,
                        {"the configuration must be an object", R"(write {"scripts": [...]})"});
        return false;
    }

    DocumentTaker& taker_;
    DiagnosticSink& sink_;
    TokenCursor cursor_;
    SyntaxContext context_;
    ValueTree tree_;
    DocumentTaker::Wish wish_ = DocumentTaker::Wish::nothing;
    bool in_elements_ = false;
    bool overflow_ = false;
    bool failed_ = false;
};

}  // namespace

bool read_document(DocumentTaker& taker, DiagnosticSink& sink) {
    const SourceText& source = sink.source();
    const auto report = [&sink](TextFault fault) {
        sink.report_at(Severity::error, {}, fault.at, std::move(fault.problem));
    };
    if (source.text().size() > Limits::file) {
        report({0,
                {fmt::format("the file is larger than {} MiB", Limits::file >> 20),
                 "split it, or remove what is not configuration"}});
        return false;
    }
    const std::optional<TextFault> fault = find_fault(source);
    const std::string_view good =
        source.text().substr(0, fault ? fault->at : std::string_view::npos);
    Events events(good, source.begin(), taker, sink);
    const auto behind_mark = good.substr(std::min<std::size_t>(source.begin(), good.size()));
    const bool complete =
        nlohmann::json::sax_parse(behind_mark.begin(), behind_mark.end(), &events,
                                  nlohmann::json::input_format_t::json, /*strict=*/true,
                                  /*ignore_comments=*/true);
    if (fault) {
        report(*fault);
    } else if (events.failed()) {
        report(explain_syntax_error(source, events.context()));
    }
    return complete && !fault;
}

}  // namespace bansuri::config
