// SPDX-License-Identifier: MIT
//
// Which request goes to whom: one table, so that a test can try every route there is.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/backend.hpp"
#include "http/message.hpp"
#include "http/target.hpp"

namespace bansuri::http {

/// What a handler is given. Lives until it has answered.
struct Exchange {
    Backend& backend;
    std::weak_ptr<boost::asio::io_context> context;  ///< of the server's thread
    std::vector<std::string> arguments;              ///< what stands for each {} of the pattern
    Query query;
};

using Handler = boost::asio::awaitable<Result<Response>> (*)(Exchange&);

struct Route {
    std::string_view method;
    /// "/api/v1/runs/{id}": a segment in braces stands for any one segment.
    std::string_view pattern;
    std::vector<std::string_view> parameters;  ///< of the query; others are refused
    Handler handler;
};

std::span<const Route> routes();

/// Finds the route and asks its handler. Everything that goes wrong becomes a problem document:
/// 404 for an unknown path, 405 with Allow, 415 for a POST that is no JSON, 400 for a parameter.
/// What a handler throws is reported to the backend. Ended by the backend's answer, or after the
/// handler's own bound.
boost::asio::awaitable<Response> respond(Request request, Backend& backend,
                                         std::weak_ptr<boost::asio::io_context> context);

}  // namespace bansuri::http
