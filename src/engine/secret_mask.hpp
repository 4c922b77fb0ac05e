// SPDX-License-Identifier: MIT
//
// Replaces the values of secret variables by *** in what a task says, wherever its bytes are cut
// into reads.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bansuri::engine {

/// What a secret is replaced by.
inline constexpr std::string_view secret_mark = "***";

/// The values that must not be shown. A value of several lines (a key) is as secret line by line.
class Secrets {
  public:
    Secrets() = default;
    /// Those of `names` that have a value in `environment`, strings of "NAME=value".
    Secrets(const std::vector<std::string>& names, const std::vector<std::string>& environment);

    void add(std::string_view value);
    void add(const Secrets& others);
    bool empty() const { return values_.empty(); }
    /// The whole of a text, with each of them replaced.
    std::string masked(std::string_view text) const;

  private:
    friend class SecretMask;
    /// Appends the text to `shown`, with those replaced that begin before `decided`, up to there or
    /// to the end of the last of them; where that is.
    std::size_t mask(std::string_view text, std::size_t decided, std::string& shown) const;
    /// Bytes at the end that are the beginning of one.
    std::size_t unfinished(std::string_view text) const;
    std::vector<std::string> values_;  ///< the longest first
};

/// One stream of one attempt.
class SecretMask {
  public:
    /// What can be shown of the bytes so far, and was not yet: all but an end that may turn out to
    /// be the beginning of a secret.
    std::string feed(const Secrets& secrets, std::string_view bytes);
    /// Nothing more comes: what was held back.
    std::string finish(const Secrets& secrets) {
        return secrets.masked(std::exchange(held_back_, {}));
    }

  private:
    std::string held_back_;
};

}  // namespace bansuri::engine
