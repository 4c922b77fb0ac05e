// SPDX-License-Identifier: MIT
//
// Any bytes as what a client sends: each request that can be taken is answered with whole HTTP, and
// what cannot is refused with a problem document. The first byte says in pieces of which size they
// come.
#include <boost/asio/co_spawn.hpp>
#include <cstdint>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string_view>

#include "http/request_reader.hpp"
#include "http/router.hpp"

namespace {

using namespace bansuri;

class EmptyHistory final : public engine::RunHistory {
  public:
    std::vector<engine::RunRecord> runs(const engine::HistoryQuery&) override { return {}; }
    std::optional<engine::RunRecord> run(engine::RunId) override { return std::nullopt; }
    std::vector<engine::AttemptRecord> attempts(engine::RunId) override { return {}; }
    std::optional<engine::OutputPiece> output(engine::RunId, std::uint32_t, std::uint64_t,
                                              std::size_t) override {
        return std::nullopt;
    }
    std::vector<engine::EventRecord> events(std::size_t) override { return {}; }
};

class EmptyBackend final : public http::Backend {
  public:
    http::Identity identity() const override { return {}; }
    void status(std::vector<std::string>, Done<http::StatusAnswer> done) override { done({}); }
    void reload(Done<Result<http::ReloadAnswer>> done) override { done(http::ReloadAnswer{}); }
    void shutdown(Done<Result<void>> done) override { done({}); }
    void restart_daemon(Done<Result<void>> done) override { done({}); }
    engine::RunHistory& history() override { return history_; }
    void report(const std::string&) override { std::abort(); }  // an exception: none is right here

  private:
    EmptyHistory history_;
};

void expect_sound(const http::Response& response) {
    if (response.status >= 500 || http::reason_phrase(response.status) == "Unknown") std::abort();
    if (!nlohmann::json::accept(response.body)) std::abort();
    const std::string text = http::serialize(response, true, false);
    const std::size_t head = text.find("\r\n\r\n");
    if (head == std::string::npos || text.size() - head - 4 != response.body.size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t piece = std::size_t{data[0]} + 1;
    std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    EmptyBackend backend;
    http::RequestReader reader({1024, 256});
    while (!rest.empty()) {
        reader.feed(rest.substr(0, piece));
        rest.remove_prefix(std::min(piece, rest.size()));
        while (true) {
            auto next = reader.next();
            if (std::holds_alternative<std::monostate>(next)) break;
            if (const auto* const refusal = std::get_if<http::Response>(&next)) {
                expect_sound(*refusal);
                return 0;
            }
            const auto context = std::make_shared<boost::asio::io_context>(1);
            int answers = 0;
            boost::asio::co_spawn(*context,
                                  http::respond(std::get<http::Request>(next), backend, context),
                                  [&](std::exception_ptr bug, const http::Response& response) {
                                      if (bug) std::abort();
                                      expect_sound(response);
                                      ++answers;
                                  });
            context->run();
            if (answers != 1) std::abort();
        }
    }
    return 0;
}
