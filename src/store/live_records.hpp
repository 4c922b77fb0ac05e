// SPDX-License-Identifier: MIT
//
// What the next daemon needs of a store: how far each task has come, and what still runs.
#pragma once

#include <string>

#include "engine/run_store.hpp"
#include "store/database.hpp"

namespace bansuri::store {

/// Writes it, and the last run of each task, into the file `to`, which has empty tables. The
/// history and the events stay behind. `last_id`: no later run gets an id up to it. Throws
/// DatabaseError; then nothing was written.
void copy_live_records(Database& from, const std::string& to, engine::RunId last_id);

}  // namespace bansuri::store
