// SPDX-License-Identifier: MIT
#include "keeper/proc_file.hpp"

#include <cerrno>
#include <charconv>

namespace bansuri::keeper {
namespace {

constexpr std::size_t page = 4096;

}  // namespace

std::optional<std::string_view> read_small_file(int directory, const char* path,
                                                std::span<char> buffer) {
    const UniqueFd fd(::openat(directory, path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd) return std::nullopt;
    std::size_t size = 0;
    while (size < buffer.size()) {
        const ssize_t count = ::read(fd.get(), buffer.data() + size, buffer.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return std::nullopt;
        size += static_cast<std::size_t>(count);
        if (count == 0 || buffer.size() <= page) break;
    }
    return std::string_view(buffer.data(), size);
}

bool write_small_file(int directory, const char* path, std::string_view text) {
    const UniqueFd fd(::openat(directory, path, O_WRONLY | O_CLOEXEC | O_NOCTTY));
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::optional<std::int64_t> take_number(std::string_view& text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{}) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty()) text.remove_prefix(1);
    return number;
}

}  // namespace bansuri::keeper
