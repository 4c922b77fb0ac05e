// SPDX-License-Identifier: MIT
//
// What earlier daemons left in the database, as the engine asks for it.
#pragma once

#include <string>

#include "engine/run_store.hpp"
#include "store/database.hpp"

namespace bansuri::store {

/// Reads and changes nothing. What only another session or boot could go on with is left out.
/// Throws DatabaseError.
engine::Recovery read_recovery(Database& database, const std::string& boot_id,
                               const std::string& session);

}  // namespace bansuri::store
