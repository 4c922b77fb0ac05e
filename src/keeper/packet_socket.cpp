// SPDX-License-Identifier: MIT
#include "keeper/packet_socket.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace bansuri::keeper {
namespace {

Transfer failure() {
    switch (errno) {
        case EAGAIN: return Transfer::would_block;
        case ENOBUFS:
        case ENOMEM:
        case ETOOMANYREFS: return Transfer::exhausted;
        case EPIPE:
        case ECONNRESET:
        case ENOTCONN: return Transfer::closed;
        default: return Transfer::failed;
    }
}

union Control {
    cmsghdr align;
    char space[CMSG_SPACE(max_packet_fds * sizeof(int))];
};

}  // namespace

Transfer send_packet(int socket, std::span<const std::byte> packet, std::span<const int> fds) {
    iovec piece{const_cast<std::byte*>(packet.data()), packet.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    Control control{};
    if (!fds.empty() && fds.size() <= max_packet_fds) {
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr* const rights = CMSG_FIRSTHDR(&message);
        rights->cmsg_level = SOL_SOCKET;
        rights->cmsg_type = SCM_RIGHTS;
        rights->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(rights), fds.data(), fds.size_bytes());
    }
    while (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno != EINTR) return failure();
    }
    return Transfer::done;
}

Transfer receive_packet(int socket, std::span<std::byte> buffer, ReceivedPacket& packet) {
    iovec piece{buffer.data(), buffer.size()};
    msghdr message{};
    Control control{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.space;
    message.msg_controllen = sizeof(control.space);
    ssize_t size = 0;
    do {
        size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        // ECONNRESET is told once, of a peer that ended without having read all. What it had sent
        // before lies behind the error, and after it comes end of file.
    } while (size < 0 && (errno == EINTR || errno == ECONNRESET));
    if (size < 0) return failure();

    packet = ReceivedPacket{};
    packet.size = static_cast<std::size_t>(size);
    packet.truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    for (cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr;
         item = CMSG_NXTHDR(&message, item)) {
        if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
            UniqueFd owned(fd);
            if (packet.fd_count < packet.fds.size()) {
                packet.fds[packet.fd_count++] = std::move(owned);
            } else {
                packet.truncated = true;
            }
        }
    }
    return size == 0 ? Transfer::closed : Transfer::done;
}

}  // namespace bansuri::keeper
