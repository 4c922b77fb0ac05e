// SPDX-License-Identifier: MIT
#include "keeper/start_spec.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

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
    std::uint16_t has = 0;    ///< of the bits below
    std::uint32_t user = 0;
    std::uint32_t group = 0;
    std::uint32_t groups = 0;
    std::int32_t priority = 0;
    std::uint32_t umask = 0;
    std::uint32_t limits = 0;
    CgroupLimits cgroup_limits;
};
static_assert(sizeof(Head) == 72 && std::is_trivially_copyable_v<Head>);

constexpr std::uint16_t has_identity = 1;
constexpr std::uint16_t has_priority = 2;
constexpr std::uint16_t has_umask = 4;
constexpr std::uint16_t has_all = 7;

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

/// Takes so many values of fixed layout off the front.
template <class Value>
bool take(std::span<const std::byte>& bytes, std::size_t count, std::vector<Value>& values) {
    const std::size_t size = count * sizeof(Value);
    if (size > bytes.size()) return false;
    values.resize(count);
    if (count > 0) std::memcpy(values.data(), bytes.data(), size);
    bytes = bytes.subspan(size);
    return true;
}

template <class Value>
void append(std::vector<std::byte>& bytes, const std::vector<Value>& values) {
    const auto* first = reinterpret_cast<const std::byte*>(values.data());
    bytes.insert(bytes.end(), first, first + values.size() * sizeof(Value));
}

/// No number that a call would take for "leave it as it is".
bool is_valid(const Identity& identity) {
    const auto names_nobody = [](std::uint32_t id) { return id == ~std::uint32_t{0}; };
    const auto& groups = identity.groups;
    return !names_nobody(identity.user) && !names_nobody(identity.group) &&
           std::none_of(groups.begin(), groups.end(), names_nobody) &&
           std::adjacent_find(groups.begin(), groups.end(), std::greater_equal<>()) == groups.end();
}

/// What is not a string: of the head, and right behind it.
bool take_fixed(const Head& head, std::span<const std::byte>& bytes, StartSpec& spec) {
    if ((head.has & ~has_all) != 0 || head.groups > max_groups ||
        head.limits > max_resource_limits) {
        return false;
    }
    if (!take(bytes, head.limits, spec.limits)) return false;
    if ((head.has & has_identity) != 0) {
        spec.identity = {head.user, head.group, {}};
        if (!take(bytes, head.groups, spec.identity->groups) || !is_valid(*spec.identity)) {
            return false;
        }
    } else if (head.groups != 0) {
        return false;
    }
    if ((head.has & has_priority) != 0) spec.priority = head.priority;
    if ((head.has & has_umask) != 0) spec.umask = head.umask;
    spec.cgroup_limits = head.cgroup_limits;
    return true;
}

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
    bytes = bytes.first(bytes.size() - head.label);
    StartSpec spec;
    if (!take_fixed(head, bytes, spec)) return std::nullopt;
    StringReader strings(bytes);
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
    if (spec.identity) {
        head.has |= has_identity;
        head.user = spec.identity->user;
        head.group = spec.identity->group;
        head.groups = static_cast<std::uint32_t>(spec.identity->groups.size());
    }
    if (spec.priority) {
        head.has |= has_priority;
        head.priority = *spec.priority;
    }
    if (spec.umask) {
        head.has |= has_umask;
        head.umask = *spec.umask;
    }
    head.limits = static_cast<std::uint32_t>(spec.limits.size());
    head.cgroup_limits = spec.cgroup_limits;
    std::vector<std::byte> bytes(sizeof(Head));
    std::memcpy(bytes.data(), &head, sizeof(Head));
    append(bytes, spec.limits);
    if (spec.identity) append(bytes, spec.identity->groups);
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
