// SPDX-License-Identifier: MIT
//
// Packets with descriptors over a SOCK_SEQPACKET socket, never blocking. Used by both ends.
#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "keeper/protocol.hpp"
#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {

enum class Transfer {
    done,
    would_block,
    exhausted,  ///< memory or descriptors in flight: the socket looks ready, so try again later
    closed,     ///< the other side is gone
    failed,     ///< errno tells; the packet did not get through and never will
};

/// Sends one packet, all or nothing.
Transfer send_packet(int socket, std::span<const std::byte> packet, std::span<const int> fds = {});

struct ReceivedPacket {
    std::size_t size = 0;
    std::array<UniqueFd, max_packet_fds> fds;
    std::size_t fd_count = 0;
    /// The packet was longer than the buffer, or held descriptors for which there was no room.
    bool truncated = false;
};

/// Takes one packet into `buffer`. An empty packet counts as `closed`, as end of file does.
Transfer receive_packet(int socket, std::span<std::byte> buffer, ReceivedPacket& packet);

}  // namespace bansuri::keeper
