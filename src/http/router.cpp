// SPDX-License-Identifier: MIT
#include "http/router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <optional>

#include "core/quote.hpp"
#include "http/handlers.hpp"

namespace bansuri::http {
namespace asio = boost::asio;

namespace {

/// What stands for the braces of the pattern; nothing if the path is another one.
std::optional<std::vector<std::string>> match(std::string_view pattern,
                                              const std::vector<std::string>& path) {
    std::vector<std::string> arguments;
    for (const std::string& segment : path) {
        if (pattern.empty()) return std::nullopt;
        pattern.remove_prefix(1);  // the slash
        const std::string_view part = pattern.substr(0, pattern.find('/'));
        pattern.remove_prefix(part.size());
        if (part.starts_with('{')) {
            arguments.push_back(segment);
        } else if (part != segment) {
            return std::nullopt;
        }
    }
    if (!pattern.empty()) return std::nullopt;
    return arguments;
}

bool is_json(std::string_view content_type) {
    std::string type(content_type.substr(0, content_type.find(';')));
    while (type.ends_with(' ')) type.pop_back();
    std::transform(type.begin(), type.end(), type.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return type == "application/json";
}

std::optional<Response> refused(const Route& route, const Request& request, const Query& query) {
    if (request.method == "POST" && !is_json(request.content_type)) {
        // A page in a browser cannot send this type to another host without being asked first.
        return problem(415, "a POST needs Content-Type: application/json");
    }
    for (const auto& [name, value] : query.items()) {
        if (std::find(route.parameters.begin(), route.parameters.end(), name) !=
            route.parameters.end()) {
            continue;
        }
        return problem(400, route.parameters.empty()
                                ? fmt::format("unknown parameter {}: there is none", quote(name))
                                : fmt::format("unknown parameter {}; there are: {}", quote(name),
                                              fmt::join(route.parameters, ", ")));
    }
    return std::nullopt;
}

Response method_not_allowed(const std::vector<std::string_view>& allowed,
                            const std::string& method) {
    const std::string list = fmt::format("{}", fmt::join(allowed, ", "));
    Response response = problem(405, fmt::format("{} is not for this path", quote(method)));
    response.headers.emplace_back("Allow", list);
    return response;
}

}  // namespace

std::span<const Route> routes() {
    static const Route table[] = {
        {"GET", "/api/v1/status", {"task"}, get_status},
        {"GET", "/api/v1/history", {"task", "outcome", "before", "limit"}, get_history},
        {"GET", "/api/v1/runs/{id}", {}, get_run},
        {"GET",
         "/api/v1/runs/{id}/output",
         {"attempt", "position", "limit", "stream", "raw"},
         get_output},
        {"GET", "/api/v1/why", {"task"}, get_why},
        {"GET", "/api/v1/events", {"limit"}, get_events},
        {"GET", "/api/v1/version", {}, get_version},
        {"POST", "/api/v1/reload", {}, post_reload},
        {"POST", "/api/v1/shutdown", {}, post_shutdown},
        {"POST", "/api/v1/restart-daemon", {}, post_restart_daemon},
    };
    return table;
}

asio::awaitable<Response> respond(Request request, Backend& backend,
                                  std::weak_ptr<asio::io_context> context) {
    Result<Target> target = Target::parse(request.target);
    if (!target) co_return problem(target.error());
    const std::string method = request.method == "HEAD" ? "GET" : request.method;
    std::vector<std::string_view> allowed;
    for (const Route& route : routes()) {
        auto arguments = match(route.pattern, target->path);
        if (!arguments) continue;
        if (route.method != method) {
            allowed.push_back(route.method);
            if (route.method == "GET") allowed.emplace_back("HEAD");
            continue;
        }
        if (auto refusal = refused(route, request, target->query)) co_return std::move(*refusal);
        Exchange exchange{backend, context, std::move(*arguments), std::move(target->query)};
        try {
            Result<Response> answer = co_await route.handler(exchange);
            if (answer) co_return std::move(*answer);
            const Response wrong = problem(answer.error());
            if (wrong.status == 500) {
                backend.report(fmt::format("{} {}: {}", request.method, route.pattern,
                                           answer.error().message));
            }
            co_return wrong;
        } catch (const std::exception& error) {
            backend.report(fmt::format("{} {}: {}", request.method, route.pattern, error.what()));
        }
        co_return problem(Error{ErrorCode::io, {}});
    }
    if (!allowed.empty()) co_return method_not_allowed(allowed, request.method);
    co_return problem(404, fmt::format("there is nothing at {}", quote(request.target)));
}

}  // namespace bansuri::http
