// SPDX-License-Identifier: MIT
//
// The keeper's few words to people, on its stderr.
#pragma once

namespace bansuri::keeper {

/// "bansuri: " and a line. Never blocks and never fails: where stderr is a pipe that is full, the
/// line is dropped rather than tasks left alone.
[[gnu::format(printf, 1, 2)]] void report(const char* format, ...);

}  // namespace bansuri::keeper
