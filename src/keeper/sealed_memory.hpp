// SPDX-License-Identifier: MIT
//
// Bytes that travel as a descriptor: a memfd that is sealed, so that what the receiver has checked
// can neither change nor shrink under its eyes.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>

#include "keeper/unique_fd.hpp"

namespace bansuri::keeper {

/// A sealed memfd holding `bytes`, at offset 0. None on failure, with errno.
UniqueFd make_sealed_memory(const char* name, std::span<const std::byte> bytes);

/// Whether `fd` is a memfd that nobody can write, grow or shrink any more.
bool is_sealed(int fd);

/// The contents of a sealed memfd, mapped for reading.
class SealedView {
  public:
    /// Nothing, with errno: EPERM if it is not sealed, EFBIG if it is empty or above `limit`.
    static std::optional<SealedView> open(int fd, std::size_t limit);
    SealedView(SealedView&& other) noexcept;
    SealedView(const SealedView&) = delete;
    SealedView& operator=(const SealedView&) = delete;
    SealedView& operator=(SealedView&& other) noexcept {
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~SealedView();
    std::span<const std::byte> bytes() const { return bytes_; }

  private:
    explicit SealedView(std::span<const std::byte> bytes) : bytes_(bytes) {}
    std::span<const std::byte> bytes_;
};

}  // namespace bansuri::keeper
