// SPDX-License-Identifier: MIT
#include "keeper/protocol.hpp"

namespace bansuri::keeper {

std::optional<Message> parse_message(std::span<const std::byte> packet) {
    if (packet.size() < sizeof(Header) || packet.size() > max_packet) return std::nullopt;
    Message message;
    std::memcpy(&message.header, packet.data(), sizeof(Header));
    message.body = packet.subspan(sizeof(Header));
    if (message.header.magic != protocol_magic) return std::nullopt;
    if (message.header.length != message.body.size()) return std::nullopt;
    return message;
}

std::array<std::byte, sizeof(Header)> encode(MessageType type, AttemptId id) {
    Header header;
    header.type = type;
    header.attempt = id.attempt;
    header.run = id.run;
    std::array<std::byte, sizeof(Header)> packet;
    std::memcpy(packet.data(), &header, sizeof(Header));
    return packet;
}

}  // namespace bansuri::keeper
