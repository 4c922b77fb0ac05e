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
                             OutputForwarder& forwarder)
    : lead_(std::string(task) + " | "),
      forwarder_(forwarder),
      out_{OutputTail(std::min<std::uint64_t>(output_limit, tail_limit)), {}},
      err_{OutputTail(std::min<std::uint64_t>(output_limit, tail_limit)), {}} {}

void OutputCapture::write(Stream stream, std::string_view bytes) {
    StreamState& state = of(stream);
    state.tail.append(bytes);

    std::string lines;
    lines.reserve(bytes.size() + lead_.size() * 2);
    while (!bytes.empty()) {
        const std::size_t newline = bytes.find('\n');
        const std::size_t room = longest_line - std::min(longest_line, state.unfinished.size());
        const std::size_t length = std::min(newline, std::min(bytes.size(), room));
        const bool complete = length == newline;
        if (!complete && length < room) {  // the rest of the line has yet to come
            state.unfinished.append(bytes);
            break;
        }
        lines.append(lead_)
            .append(state.unfinished)
            .append(bytes.substr(0, length))
            .push_back('\n');
        state.unfinished.clear();
        bytes.remove_prefix(complete ? length + 1 : length);
    }
    if (!lines.empty()) forwarder_.forward(stream, std::move(lines));
}

void OutputCapture::flush() {
    for (const Stream stream : {Stream::standard_output, Stream::standard_error}) {
        std::string& rest = of(stream).unfinished;
        if (rest.empty()) continue;
        forwarder_.forward(stream, lead_ + rest + '\n');
        rest.clear();
    }
}

}  // namespace bansuri::engine
