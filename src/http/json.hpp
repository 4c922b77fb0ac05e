// SPDX-License-Identifier: MIT
//
// What the API says, as JSON: the words of docs/cli.md, times as RFC 3339 in UTC, spans in seconds.
// A member that does not apply is null, so that every object of a kind has the same members.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/run_history.hpp"
#include "engine/status.hpp"
#include "http/backend.hpp"

namespace bansuri::http {

using Json = nlohmann::ordered_json;

Json as_json(const Identity& identity);
Json as_json(const engine::DaemonStatus& daemon);
Json as_json(const engine::TaskStatus& status);
Json as_json(const engine::RunRecord& record);
Json as_json(const engine::AttemptRecord& attempt);
Json as_json(const engine::EventRecord& event);
Json as_json(const ReloadAnswer& answer);
/// Each span has "text", in which bytes that are no UTF-8 are replaced; then the exact bytes stand
/// beside it as "base64".
Json as_json(const engine::OutputPiece& piece);

/// One line. Bytes that are no UTF-8 are replaced.
std::string to_text(const Json& document);

}  // namespace bansuri::http
