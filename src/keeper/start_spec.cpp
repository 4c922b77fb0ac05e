// SPDX-License-Identifier: MIT
#include "keeper/start_spec.hpp"

#include <algorithm>
#include <cstring>

namespace bansuri::keeper {
namespace {

struct Head {
    std::uint32_t arguments = 0;
    std::uint32_t variables = 0;
    std::int64_t stop_timeout_us = 0;
    Survive survive{};
    TargetKind output{};
    TargetKind error{};
    std::uint8_t reserved = 0;
    std::uint16_t label = 0;  ///< bytes of it, at the end
    std::uint16_t reserved_too = 0;
};
static_assert(sizeof(Head) == 24 && std::is_trivially_copyable_v<Head>);

/// Takes NUL-terminated strings off the front of a span; nullptr once there is none.
class StringReader {
  public:
    explicit StringReader(std::span<const std::byte> bytes)
        : next_(reinterpret_cast<const char*>(bytes.data())), left_(bytes.size()) {}
    const char* take() {
        const auto* end =
            left_ == 0 ? nullptr : static_cast<const char*>(std::memchr(next_, '\0', left_));
        if (end == nullptr) return nullptr;
        const char* const taken = next_;
        left_ -= static_cast<std::size_t>(end + 1 - next_);
        next_ = end + 1;
        return taken;
    }
    bool take(std::uint32_t count, std::vector<const char*>& list) {
        if (count > left_) return false;  // each has its NUL at least: no room is made for a lie
        list.reserve(std::size_t{count} + 1);
        for (std::uint32_t i = 0; i < count; ++i) {
            const char* const text = take();
            if (text == nullptr) return false;
            list.push_back(text);
        }
        list.push_back(nullptr);
        return true;
    }
    bool at_end() const { return left_ == 0; }

  private:
    const char* next_;
    std::size_t left_;
};

void append(std::vector<std::byte>& bytes, const char* text) {
    const auto* first = reinterpret_cast<const std::byte*>(text);
    bytes.insert(bytes.end(), first, first + std::strlen(text) + 1);
}

std::uint32_t count(const std::vector<const char*>& list) {
    std::uint32_t strings = 0;
    while (strings < list.size() && list[strings] != nullptr) ++strings;
    return strings;
}

}  // namespace

std::optional<StartSpec> parse_start(std::span<const std::byte> bytes) {
    Head head;
    if (bytes.size() < sizeof(Head) || bytes.size() > max_spec) return std::nullopt;
    std::memcpy(&head, bytes.data(), sizeof(Head));
    if (head.arguments == 0 || head.arguments > max_spec_strings ||
        head.variables > max_spec_strings || head.survive > Survive::all ||
        head.output > TargetKind::null || head.error > TargetKind::combined) {
        return std::nullopt;
    }
    bytes = bytes.subspan(sizeof(Head));
    if (head.label > max_label || head.label > bytes.size()) return std::nullopt;
    const auto label = bytes.last(head.label);
    StringReader strings(bytes.first(bytes.size() - head.label));
    StartSpec spec;
    spec.label = {reinterpret_cast<const char*>(label.data()), label.size()};
    spec.survive = head.survive;
    spec.stop_timeout_us = head.stop_timeout_us;
    spec.output.kind = head.output;
    spec.error.kind = head.error;
    spec.working_directory = strings.take();
    spec.output.path = strings.take();
    spec.error.path = strings.take();
    if (spec.error.path == nullptr) return std::nullopt;  // then the earlier two may be missing too
    if (!strings.take(head.arguments, spec.argv)) return std::nullopt;
    if (!strings.take(head.variables, spec.environment)) return std::nullopt;
    if (!strings.at_end()) return std::nullopt;
    return spec;
}

std::vector<std::byte> encode_start(const StartSpec& spec) {
    Head head;
    head.arguments = count(spec.argv);
    head.variables = count(spec.environment);
    head.stop_timeout_us = spec.stop_timeout_us;
    head.survive = spec.survive;
    head.output = spec.output.kind;
    head.error = spec.error.kind;
    const std::string_view label = spec.label.substr(0, max_label);
    head.label = static_cast<std::uint16_t>(label.size());
    std::vector<std::byte> bytes(sizeof(Head));
    std::memcpy(bytes.data(), &head, sizeof(Head));
    append(bytes, spec.working_directory);
    append(bytes, spec.output.path);
    append(bytes, spec.error.path);
    for (std::uint32_t i = 0; i < head.arguments; ++i) append(bytes, spec.argv[i]);
    for (std::uint32_t i = 0; i < head.variables; ++i) append(bytes, spec.environment[i]);
    const auto* first = reinterpret_cast<const std::byte*>(label.data());
    bytes.insert(bytes.end(), first, first + label.size());
    return bytes;
}

std::vector<std::byte> encode_start_packet(AttemptId id, std::uint16_t flags,
                                           std::span<const std::byte> body) {
    Header header;
    header.type = MessageType::start;
    header.flags = flags;
    header.length = static_cast<std::uint32_t>(body.size());
    header.attempt = id.attempt;
    header.run = id.run;
    std::vector<std::byte> packet(sizeof(Header) + body.size());
    std::memcpy(packet.data(), &header, sizeof(Header));
    std::copy(body.begin(), body.end(), packet.begin() + sizeof(Header));
    return packet;
}

}  // namespace bansuri::keeper
