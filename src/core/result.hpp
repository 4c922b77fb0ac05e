// SPDX-License-Identifier: MIT
//
// The return type of functions whose answer may be "no". tl::expected has std::expected's
// interface with the monadic calls, and clang 14 reads it.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "core/error.hpp"

namespace bansuri {

template <class T>
using Result = tl::expected<T, Error>;

/// `return fail(ErrorCode::config_invalid, "...")` from any function that returns a Result.
inline tl::unexpected<Error> fail(ErrorCode code, std::string message) {
    return tl::unexpected(Error{code, std::move(message)});
}

}  // namespace bansuri
