// SPDX-License-Identifier: MIT
#include "http/message.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

namespace bansuri::http {
namespace {

unsigned status_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::usage:
        case ErrorCode::protocol: return 400;
        case ErrorCode::not_found: return 404;
        case ErrorCode::already_claimed: return 409;
        case ErrorCode::config_invalid: return 422;
        case ErrorCode::not_available: return 501;
        case ErrorCode::unreachable: return 503;
        case ErrorCode::cannot_start:
        case ErrorCode::io: return 500;
    }
    return 500;
}

}  // namespace

std::string_view reason_phrase(unsigned status) {
    switch (status) {
        case 200: return "OK";
        case 202: return "Accepted";
        case 400: return "Bad Request";
        case 404: return "Not Found";
        case 405: return "Method Not Allowed";
        case 408: return "Request Timeout";
        case 409: return "Conflict";
        case 413: return "Content Too Large";
        case 415: return "Unsupported Media Type";
        case 422: return "Unprocessable Content";
        case 431: return "Request Header Fields Too Large";
        case 500: return "Internal Server Error";
        case 501: return "Not Implemented";
        case 503: return "Service Unavailable";
        default: return "Unknown";
    }
}

Response problem(unsigned status, std::string_view detail) {
    const nlohmann::ordered_json document = {{"type", "about:blank"},
                                             {"title", reason_phrase(status)},
                                             {"status", status},
                                             {"detail", detail}};
    // What a client sent may stand in the detail, and it may be any bytes.
    return {status, "application/problem+json",
            document.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace)};
}

Response problem(const Error& error) {
    const unsigned status = status_of(error.code);
    if (status == 500) return problem(status, "the log of the daemon says what went wrong");
    return problem(status, error.message);
}

std::string serialize(const Response& response, bool keep_alive, bool head_only) {
    std::string text;
    text.reserve(256 + response.body.size());
    fmt::format_to(std::back_inserter(text),
                   "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n"
                   "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                   "Connection: {}\r\n",
                   response.status, reason_phrase(response.status), response.content_type,
                   response.body.size(), keep_alive ? "keep-alive" : "close");
    for (const auto& [name, value] : response.headers) {
        fmt::format_to(std::back_inserter(text), "{}: {}\r\n", name, value);
    }
    text += "\r\n";
    if (!head_only) text += response.body;
    return text;
}

}  // namespace bansuri::http
