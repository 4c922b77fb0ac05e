// SPDX-License-Identifier: MIT
//
// A request and its answer as values, apart from the connection that carries them.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.hpp"

namespace bansuri::http {

struct Request {
    std::string method;  ///< as it came: "GET"
    std::string target;  ///< as it came: "/api/v1/history?task=backup"
    std::string content_type;
    std::string body;
    bool keep_alive = true;
};

struct Response {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers = {};  ///< beside the usual ones
};

/// "Not Found".
std::string_view reason_phrase(unsigned status);

/// An RFC 9457 document: {"type":"about:blank","title","status","detail"}.
Response problem(unsigned status, std::string_view detail);
/// The one place where an error becomes a status. Of what is the server's own fault the client is
/// told nothing but that.
Response problem(const Error& error);

/// The answer as it goes over the wire; without the body if `head_only`.
std::string serialize(const Response& response, bool keep_alive, bool head_only);

}  // namespace bansuri::http
