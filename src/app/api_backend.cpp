// SPDX-License-Identifier: MIT
#include "app/api_backend.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace bansuri::app {

void ApiBackend::status(std::vector<std::string> names, Done<http::StatusAnswer> done) {
    boost::asio::post(loop_, [this, names = std::move(names), done = std::move(done)] {
        done(answers_.status(names));
    });
}

void ApiBackend::reload(Done<Result<http::ReloadAnswer>> done) {
    boost::asio::post(loop_, [this, done = std::move(done)] { answers_.reload(done); });
}

void ApiBackend::shutdown(Done<Result<void>> done) {
    boost::asio::post(loop_, [this, done = std::move(done)] { done(answers_.shutdown()); });
}

void ApiBackend::restart_daemon(Done<Result<void>> done) {
    boost::asio::post(loop_, [this, done = std::move(done)] { done(answers_.restart_daemon()); });
}

void ApiBackend::report(const std::string& what) {
    boost::asio::post(loop_, [this, what] { answers_.report(what); });
}

}  // namespace bansuri::app
