// SPDX-License-Identifier: MIT
//
// From bytes to requests, with a bound on everything: what a client may send before somebody has
// looked at it. Knows no socket, so that a fuzzer can be the client.
#pragma once

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "http/message.hpp"

namespace bansuri::http {

struct RequestLimits {
    std::uint32_t header = 8 * 1024;  ///< bytes of request line and header
    std::uint64_t body = 64 * 1024;   ///< bytes
};

/// For one connection.
class RequestReader {
  public:
    explicit RequestReader(RequestLimits limits) : limits_(limits) { begin(); }

    /// Takes what came. Holds at most a header and the bytes of the last call.
    void feed(std::string_view bytes) { bytes_ += bytes; }
    /// The next whole request; the answer to one that cannot be taken, after which the connection
    /// is of no more use; or nothing: feed more.
    std::variant<std::monostate, Request, Response> next();
    /// Nothing of a request has come yet.
    bool is_idle() const { return bytes_.empty() && !begun_; }

  private:
    void begin();
    RequestLimits limits_;
    std::string bytes_;  // not parsed yet
    bool begun_ = false;
    std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
};

}  // namespace bansuri::http
