// SPDX-License-Identifier: MIT
//
// What the HTTP API asks, carried to the engine's loop and answered there.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "http/backend.hpp"

namespace bansuri::app {

class ApiBackend final : public http::Backend {
  public:
    /// Each is called on the loop.
    struct Answers {
        std::function<http::StatusAnswer(const std::vector<std::string>& names)> status;
        std::function<void(Done<Result<http::ReloadAnswer>>)> reload;
        std::function<Result<void>()> shutdown;
        std::function<Result<void>()> restart_daemon;
        std::function<void(const std::string& what)> report;
    };

    /// The loop outlives it, and no longer runs when it goes.
    ApiBackend(boost::asio::any_io_executor loop, http::Identity identity, Answers answers,
               std::unique_ptr<engine::RunHistory> history)
        : loop_(std::move(loop)),
          identity_(std::move(identity)),
          answers_(std::move(answers)),
          history_(std::move(history)) {}

    http::Identity identity() const override { return identity_; }
    void status(std::vector<std::string> names, Done<http::StatusAnswer> done) override;
    void reload(Done<Result<http::ReloadAnswer>> done) override;
    void shutdown(Done<Result<void>> done) override;
    void restart_daemon(Done<Result<void>> done) override;
    engine::RunHistory& history() override { return *history_; }
    void report(const std::string& what) override;

  private:
    boost::asio::any_io_executor loop_;
    http::Identity identity_;
    Answers answers_;
    std::unique_ptr<engine::RunHistory> history_;
};

}  // namespace bansuri::app
