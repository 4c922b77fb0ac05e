// SPDX-License-Identifier: MIT
//
// The tables of bansuri.db and how older ones become them.
#pragma once

#include <stdexcept>

#include "store/database.hpp"

namespace bansuri::store {

/// In the header of every file of ours: "Bans".
inline constexpr std::int64_t application_id = 0x42616e73;
/// What this version writes; `PRAGMA user_version`, and the row schema_version of `meta`.
extern const int schema_version;

/// The file belongs to a later Bansuri. It is left as it is.
class SchemaTooNew : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Brings the tables up to schema_version, each step in a transaction of its own. Throws
/// SchemaTooNew, or DatabaseError (which is_corrupt() when the file is not one of ours).
void migrate(Database& database);

}  // namespace bansuri::store
