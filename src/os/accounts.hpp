// SPDX-License-Identifier: MIT
//
// Users and groups as the machine knows them: files, or whatever nsswitch.conf names, so a question
// may take as long as a network does. Thread-safe.
#pragma once

#include <string>

#include "core/result.hpp"
#include "engine/start_lookup.hpp"

namespace bansuri::os {

/// The account as whom a task with these keys runs; one of them may be empty. Names are tried
/// before numbers. Without a user it is that of this process, with another group. The error
/// (not_found: no such user or group; io: the machine cannot say) says what to do.
Result<engine::Account> find_account(const std::string& user, const std::string& group);

/// Whether this process can run something as that account, without the privileges of root: as
/// itself, and in its own group.
bool is_oneself(const engine::Account& account);

}  // namespace bansuri::os
