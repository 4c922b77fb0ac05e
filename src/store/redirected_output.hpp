// SPDX-License-Identifier: MIT
//
// What an attempt has appended to a file of its user's, read back from there.
#pragma once

#include "engine/run_history.hpp"

namespace bansuri::store {

/// At most `limit` bytes from `position` on, which counts from where the attempt began. Throws
/// nothing: a file that is gone, or shorter than it was, is the piece's `problem`. `complete` says
/// that there is no more at the moment. Others may have appended in between: what is between begin
/// and end is shown, whoever wrote it.
engine::OutputPiece read_redirected(const engine::RedirectedStream& stream, bool is_error,
                                    std::uint64_t position, std::size_t limit);

}  // namespace bansuri::store
