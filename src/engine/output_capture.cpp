// SPDX-License-Identifier: MIT
#include "engine/output_capture.hpp"

#include <algorithm>

namespace bansuri::engine {

void OutputTail::append(std::string_view bytes) {
    total_ += bytes.size();
    if (bytes.size() >= limit_) {
        kept_.assign(bytes.substr(bytes.size() - limit_));
        return;
    }
    if (kept_.size() + bytes.size() > 2 * limit_) {
        kept_.erase(0, kept_.size() + bytes.size() - limit_);
    }
    kept_.append(bytes);
}

OutputExcerpt OutputTail::excerpt() const {
    OutputExcerpt excerpt;
    excerpt.bytes = kept_.size() > limit_ ? kept_.substr(kept_.size() - limit_) : kept_;
    excerpt.dropped = total_ - excerpt.bytes.size();
    return excerpt;
}

OutputCapture::OutputCapture(std::string_view task, std::uint64_t output_limit,
                             OutputForwarder& forwarder, std::unique_ptr<OutputRecord> record)
    : lead_(std::string(task) + " | "),
      forwarder_(forwarder),
      record_(std::move(record)),
      out_{OutputTail(std::min<std::uint64_t>(output_limit, tail_limit)), {}},
      err_{OutputTail(std::min<std::uint64_t>(output_limit, tail_limit)), {}} {
    if (!record_ || record_->total() == 0) return;
    total_ = record_->total();
    const auto tail = static_cast<std::size_t>(std::min<std::uint64_t>(output_limit, tail_limit));
    take_over(Stream::standard_output, tail);
    take_over(Stream::standard_error, tail);
}

void OutputCapture::take_over(Stream stream, std::size_t tail) {
    StreamState& state = of(stream);
    OutputExcerpt earlier = record_->excerpt(stream, tail);
    // The line that was under way had not been forwarded yet, unless it is so long that its
    // beginning was, in a piece.
    const std::size_t newline = earlier.bytes.rfind('\n');
    if (newline != std::string::npos) {
        state.unfinished = earlier.bytes.substr(newline + 1);
    } else if (earlier.dropped == 0 && earlier.bytes.size() < longest_line) {
        state.unfinished = earlier.bytes;
    }
    state.tail = OutputTail(tail, std::move(earlier));
}

std::optional<OutputSink::Place> OutputCapture::place(Stream stream) {
    if (!record_ || !secrets_.empty()) return std::nullopt;
    return record_->place(stream);
}

void OutputCapture::placed(Stream stream, std::string_view bytes) {
    record_->placed(stream, bytes.size());
    show(stream, bytes);
}

void OutputCapture::place_failed(int error) {
    if (record_) record_->place_failed(error);
}

void OutputCapture::write(Stream stream, std::string_view bytes) {
    if (secrets_.empty()) return take(stream, bytes);
    take(stream, of(stream).mask.feed(secrets_, bytes));
}

void OutputCapture::take(Stream stream, std::string_view bytes) {
    if (record_) record_->append(stream, bytes);
    show(stream, bytes);
}

void OutputCapture::show(Stream stream, std::string_view bytes) {
    total_ += bytes.size();
    StreamState& state = of(stream);
    state.tail.append(bytes);

    std::string lines;
    // With room for the leads of lines as long as most are, so that it seldom grows.
    lines.reserve(state.unfinished.size() + bytes.size() + bytes.size() / 4 + 2 * lead_.size());
    while (!bytes.empty()) {
        const std::size_t room = longest_line - std::min(longest_line, state.unfinished.size());
        const std::size_t newline = bytes.substr(0, room + 1).find('\n');
        const bool complete = newline != std::string_view::npos;
        if (!complete && bytes.size() < room) {  // the rest of the line has yet to come
            state.unfinished.append(bytes);
            break;
        }
        const std::size_t length = complete ? newline : room;
        lines += lead_;
        if (!state.unfinished.empty()) {
            lines += state.unfinished;
            state.unfinished.clear();
        }
        if (complete) {
            lines.append(bytes.data(), length + 1);  // with its newline
        } else {
            lines.append(bytes.data(), length).push_back('\n');
        }
        bytes.remove_prefix(complete ? length + 1 : length);
    }
    if (!lines.empty()) forwarder_.forward(stream, std::move(lines));
}

void OutputCapture::flush() {
    for (const Stream stream : {Stream::standard_output, Stream::standard_error}) {
        if (const std::string held_back = of(stream).mask.finish(secrets_); !held_back.empty()) {
            take(stream, held_back);
        }
        std::string& rest = of(stream).unfinished;
        if (rest.empty()) continue;
        forwarder_.forward(stream, lead_ + rest + '\n');
        rest.clear();
    }
}

}  // namespace bansuri::engine
