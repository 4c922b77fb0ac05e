// SPDX-License-Identifier: MIT
//
// What the keeper reads from the daemon, and the daemon from the keeper: any packet, any start
// spec, any /proc/PID/stat.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "keeper/cgroup_pool.hpp"
#include "keeper/process_table.hpp"
#include "keeper/protocol.hpp"
#include "keeper/start_spec.hpp"

namespace {

using namespace bansuri::keeper;

void check(bool claim) {
    if (!claim) std::abort();
}

void use(std::string_view label) {
    check(label.size() <= max_label);
    // What was shown is shown again the same; and each of its bytes is one that may be read.
    const LabelledPacket packet(MessageType::attempt, {}, Held{}, label);
    const auto message = parse_message(packet.bytes());
    check(message && parse_labelled<Held>(*message)->label == label);
}

/// Touches every byte that a spec gives out, so that one beyond the end is noticed.
void use(const StartSpec& spec) {
    std::size_t length = std::strlen(spec.working_directory) + std::strlen(spec.output.path) +
                         std::strlen(spec.error.path);
    check(spec.argv.size() >= 2 && spec.argv.back() == nullptr);
    check(!spec.environment.empty() && spec.environment.back() == nullptr);
    for (const char* text : spec.argv) length += text == nullptr ? 0 : std::strlen(text);
    for (const char* text : spec.environment) length += text == nullptr ? 0 : std::strlen(text);
    check(length <= max_spec && spec.label.size() <= max_label);
    // What has been understood can be said again, and is understood the same.
    const auto again = encode_start(spec);
    const auto parsed = parse_start(again);
    check(parsed && parsed->argv.size() == spec.argv.size() &&
          parsed->environment.size() == spec.environment.size() && parsed->label == spec.label);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::span bytes(reinterpret_cast<const std::byte*>(data), size);
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto spec = parse_start(bytes)) use(*spec);
    if (const auto message = parse_message(bytes)) {
        check(message->body.size() == message->header.length);
        parse_body<Hello>(*message);
        parse_body<End>(*message);
        parse_body<Signal>(*message);
        parse_body<Started>(*message);
        parse_body<SpawnError>(*message);
        parse_body<Exited>(*message);
        if (const auto gone = parse_body<Gone>(*message))
            check(gone->named().size() <= max_survivors);
        if (const auto held = parse_labelled<Held>(*message)) {
            check(held->body.gone.named().size() <= max_survivors);
            use(held->label);
        }
        if (const auto adopt = parse_labelled<Adopt>(*message)) use(adopt->label);
        if (const auto spec = parse_start(message->body)) use(*spec);
    }
    ProcessInfo::parse(text);
    const std::size_t half = text.find('\0');
    if (half != std::string_view::npos) {
        own_cgroup_directory(text.substr(0, half), text.substr(half + 1));
    }
    return 0;
}
