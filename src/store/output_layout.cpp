// SPDX-License-Identifier: MIT
#include "store/output_layout.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace bansuri::store {

namespace {

// Few enough to make a file seldom, and enough of them that the tail, of which a whole segment goes
// at once, stays most of its half.
constexpr std::uint64_t usual_segments = 8;
constexpr std::uint64_t fewest_segments = 4;
constexpr std::uint64_t smallest_segment = 16 * 1024;
constexpr std::uint64_t largest_segment = 16 * 1024 * 1024;

// A pipe holds so much. Where segments are multiples of it, it is moved in whole pages.
constexpr std::uint64_t usual_pipe = 64 * 1024;

std::uint64_t segment_size(std::uint64_t on_disk) {
    if (on_disk < fewest_segments * smallest_segment) return on_disk / fewest_segments;
    const std::uint64_t size =
        std::clamp(on_disk / usual_segments, smallest_segment, largest_segment);
    return size < usual_pipe ? size : size / usual_pipe * usual_pipe;
}

/// Takes a number without a sign or leading zeros from the front of `text`.
template <class Number>
bool take(std::string_view& text, Number& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const auto length = static_cast<std::size_t>(end - text.data());
    if (error != std::errc() || text.front() == '-' || (length > 1 && text.front() == '0'))
        return false;
    text.remove_prefix(length);
    return true;
}

bool take_dot(std::string_view& text) {
    if (!text.starts_with('.')) return false;
    text.remove_prefix(1);
    return !text.empty();
}

}  // namespace

OutputLayout::OutputLayout(std::uint64_t limit) : limit_(limit) {
    const std::uint64_t on_disk = std::max(limit, smallest_on_disk);
    segment_ = segment_size(on_disk);
    const std::uint64_t count = on_disk / segment_;
    first_ = on_disk - (count - 1) * segment_;
    head_segments_ = count / 2;
    tail_segments_ = count - head_segments_;
    head_shown_ = limit < smallest_on_disk ? limit - limit / 2 : begin_of(head_segments_);
}

std::optional<std::uint64_t> OutputLayout::displaced_by(std::uint64_t segment) const {
    if (segment < head_segments_ + tail_segments_) return std::nullopt;
    return segment - tail_segments_;
}

std::uint64_t OutputLayout::bytes_with(std::uint64_t segment) const {
    return begin_of(std::min(segment + 1, head_segments_ + tail_segments_));
}

OutputLayout::Stretch OutputLayout::shown(std::uint64_t position, std::uint64_t total) const {
    if (total <= limit_) return {0, total};
    if (position < head_shown_) return {0, head_shown_};
    std::uint64_t begin = total - (limit_ - head_shown_);
    if (const auto displaced = displaced_by(segment_of(total - 1)))
        begin = std::max(begin, begin_of(*displaced + 1));
    return {begin, total};
}

std::string OutputFileName::path() const {
    return fmt::format("{}/{}.{}.{}.{}{}", directory_of(id.run), id.run, id.attempt, limit, segment,
                       is_index ? ".index" : "");
}

std::optional<OutputFileName> OutputFileName::parse(std::string_view name) {
    OutputFileName parsed;
    if (name.empty() || !take(name, parsed.id.run) || !take_dot(name) ||
        !take(name, parsed.id.attempt) || !take_dot(name) || !take(name, parsed.limit) ||
        !take_dot(name) || !take(name, parsed.segment) || parsed.limit == 0) {
        return std::nullopt;
    }
    parsed.is_index = name == ".index";
    if (!name.empty() && !parsed.is_index) return std::nullopt;
    return parsed;
}

}  // namespace bansuri::store
