// SPDX-License-Identifier: MIT
//
// What each route answers. A fixed set of questions and verbs: nothing that a client sends is
// looked up as a name of code, a path or a command.
#pragma once

#include "http/router.hpp"

namespace bansuri::http {

boost::asio::awaitable<Result<Response>> get_status(Exchange& exchange);
boost::asio::awaitable<Result<Response>> get_history(Exchange& exchange);
boost::asio::awaitable<Result<Response>> get_run(Exchange& exchange);
boost::asio::awaitable<Result<Response>> get_output(Exchange& exchange);
boost::asio::awaitable<Result<Response>> get_why(Exchange& exchange);
boost::asio::awaitable<Result<Response>> get_events(Exchange& exchange);
boost::asio::awaitable<Result<Response>> get_version(Exchange& exchange);
boost::asio::awaitable<Result<Response>> post_reload(Exchange& exchange);
boost::asio::awaitable<Result<Response>> post_shutdown(Exchange& exchange);
boost::asio::awaitable<Result<Response>> post_restart_daemon(Exchange& exchange);

}  // namespace bansuri::http
