// SPDX-License-Identifier: MIT
//
// What an event of the keeper's epoll belongs to.
#pragma once

#include <sys/epoll.h>

#include <cstdint>

namespace bansuri::keeper {

enum class PollKind : std::uint32_t {
    socket,
    signals,
    timer,
    drained_pipe,  ///< survivors of forgotten attempts still write to it
    adopted_leader,
};

struct PollTag {
    PollKind kind;
    int fd;
    std::uint64_t pack() const {
        return (static_cast<std::uint64_t>(kind) << 32) | static_cast<std::uint32_t>(fd);
    }
    static PollTag unpack(std::uint64_t packed) {
        return {static_cast<PollKind>(packed >> 32), static_cast<int>(packed & 0xffffffffU)};
    }
};

/// Watches `fd`, or with `known` changes what it is watched for. False with errno.
inline bool watch(int epoll, PollTag tag, std::uint32_t events, bool known = false) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = tag.pack();
    return ::epoll_ctl(epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, tag.fd, &event) == 0;
}

}  // namespace bansuri::keeper
