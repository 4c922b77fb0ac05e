// SPDX-License-Identifier: MIT
#include "keeper/sealed_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

namespace bansuri::keeper {
namespace {

constexpr int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

}  // namespace

UniqueFd make_sealed_memory(const char* name, std::span<const std::byte> bytes) {
    UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!fd) return {};
    std::size_t written = 0;
    while (written < bytes.size()) {
        const ssize_t count = ::pwrite(fd.get(), bytes.data() + written, bytes.size() - written,
                                       static_cast<off_t>(written));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return {};
        written += static_cast<std::size_t>(count);
    }
    if (::fcntl(fd.get(), F_ADD_SEALS, seals) < 0) return {};
    return fd;
}

bool is_sealed(int fd) {
    const int present = ::fcntl(fd, F_GET_SEALS);  // EINVAL for what is no memfd
    constexpr int needed = seals & ~F_SEAL_SEAL;
    return present >= 0 && (present & needed) == needed;
}

std::optional<SealedView> SealedView::open(int fd, std::size_t limit) {
    if (!is_sealed(fd)) {
        errno = EPERM;
        return std::nullopt;
    }
    struct stat status {};
    if (::fstat(fd, &status) < 0) return std::nullopt;
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size == 0 || size > limit) {
        errno = EFBIG;
        return std::nullopt;
    }
    void* const address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (address == MAP_FAILED) return std::nullopt;
    return SealedView({static_cast<const std::byte*>(address), size});
}

SealedView::SealedView(SealedView&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

SealedView::~SealedView() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace bansuri::keeper
