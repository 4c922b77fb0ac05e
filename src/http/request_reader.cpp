// SPDX-License-Identifier: MIT
#include "http/request_reader.hpp"

#include <fmt/format.h>

#include <boost/asio/buffer.hpp>

namespace bansuri::http {
namespace beast_http = boost::beast::http;

void RequestReader::begin() {
    parser_.emplace();
    parser_->eager(true);
    parser_->header_limit(limits_.header);
    parser_->body_limit(limits_.body);
    begun_ = false;
}

std::variant<std::monostate, Request, Response> RequestReader::next() {
    boost::system::error_code error;
    while (!bytes_.empty() && !parser_->is_done()) {
        const std::size_t taken = parser_->put(boost::asio::buffer(bytes_), error);
        if (taken > 0) begun_ = true;
        bytes_.erase(0, taken);
        if (error == beast_http::error::need_more) {
            // The parser bounds the header and the body, but not the extensions of a chunk.
            if (bytes_.size() > 2 * std::size_t{limits_.header}) {
                return problem(400, "a part of the request is too long");
            }
            return std::monostate{};
        }
        if (error == beast_http::error::header_limit) {
            return problem(431, fmt::format("the header is longer than {} bytes", limits_.header));
        }
        if (error == beast_http::error::body_limit) {
            return problem(413, fmt::format("the body is longer than {} bytes", limits_.body));
        }
        if (error) return problem(400, "this is not HTTP/1.1: " + error.message());
    }
    if (!parser_->is_done()) return std::monostate{};
    Request request;
    const bool keep_alive = parser_->keep_alive();
    auto message = parser_->release();
    request.method = message.method_string();
    request.target = message.target();
    request.content_type = message[beast_http::field::content_type];
    request.body = std::move(message.body());
    request.keep_alive = keep_alive;
    begin();
    return request;
}

}  // namespace bansuri::http
