// SPDX-License-Identifier: MIT
//
// The directory that captured output is kept in, by descriptor. Sub-directories of a thousand runs
// each are made when they are needed.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "keeper/unique_fd.hpp"
#include "store/output_layout.hpp"

namespace bansuri::store {

using keeper::UniqueFd;

/// Safe on any thread. What fails leaves its reason in errno and may be tried again: the
/// directory itself is opened, and made, as soon as that can be done.
class OutputDirectory {
  public:
    explicit OutputDirectory(std::string path) : path_(std::move(path)) {}

    const std::string& path() const { return path_; }
    /// Makes the file if it is not there.
    UniqueFd open_for_writing(const OutputFileName& name);
    UniqueFd open_for_reading(const OutputFileName& name);
    void remove(const OutputFileName& name) noexcept;
    /// All files of output in a sub-directory, sorted, none if it is not there; nothing if it
    /// cannot be read.
    std::optional<std::vector<OutputFileName>> list(std::uint64_t directory);
    /// The same of one attempt.
    std::optional<std::vector<OutputFileName>> list(engine::AttemptId id);
    std::vector<std::uint64_t> directories();
    void remove_if_empty(std::uint64_t directory) noexcept;
    /// Bytes of the file; 0 if it is not there.
    std::uint64_t size_of(const OutputFileName& name);

  private:
    /// Nothing: see errno. `make`: it is made if it is not there.
    std::shared_ptr<const UniqueFd> root(bool make = false);
    /// It turned out to be gone; the next root() looks by name again.
    void forget_root();

    std::string path_;
    std::mutex mutex_;
    std::shared_ptr<const UniqueFd> root_;
};

}  // namespace bansuri::store
