// SPDX-License-Identifier: MIT
#include "http/request_reader.hpp"

#include <gmock/gmock.h>

namespace bansuri::http {
namespace {

using ::testing::HasSubstr;

constexpr RequestLimits small{256, 64};

/// The first answer to bytes that come one by one, as from the slowest of clients.
std::variant<std::monostate, Request, Response> read(std::string_view bytes) {
    RequestReader reader(small);
    for (const char byte : bytes) {
        reader.feed({&byte, 1});
        auto answer = reader.next();
        if (!std::holds_alternative<std::monostate>(answer)) return answer;
    }
    return {};
}

TEST(RequestReader, TakesARequestThatComesByteByByte) {
    const auto answer = read(
        "POST /api/v1/reload?a=b HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\n\r\n{}");
    const auto& request = std::get<Request>(answer);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/api/v1/reload?a=b");
    EXPECT_EQ(request.content_type, "application/json");
    EXPECT_EQ(request.body, "{}");
    EXPECT_TRUE(request.keep_alive);
}

TEST(RequestReader, TakesRequestsThatComeTogetherOneByOne) {
    RequestReader reader(small);
    EXPECT_TRUE(reader.is_idle());
    reader.feed("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.0\r\n\r\nGET /c");
    EXPECT_EQ(std::get<Request>(reader.next()).target, "/a");
    const Request second = std::get<Request>(reader.next());
    EXPECT_EQ(second.target, "/b");
    EXPECT_FALSE(second.keep_alive);
    EXPECT_TRUE(std::holds_alternative<std::monostate>(reader.next()));
    EXPECT_FALSE(reader.is_idle());
}

TEST(RequestReader, RefusesWhatIsTooLongOrNoHttp) {
    const std::string line(300, 'a');
    struct Row {
        const char* why;
        std::string bytes;
        unsigned status;
    };
    const Row rows[] = {
        {"a long target", "GET /" + line + " HTTP/1.1\r\n\r\n", 431},
        {"a long header", "GET / HTTP/1.1\r\nX: " + line + "\r\n\r\n", 431},
        {"a header that never ends", "GET / HTTP/1.1\r\n" + line + line + line, 431},
        {"a long body is announced", "POST / HTTP/1.1\r\nContent-Length: 10000000000\r\n\r\n", 413},
        {"a long body in chunks",
         "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n" + std::string(65, 'b') +
             "\r\n",
         413},
        {"the extension of a chunk never ends",
         "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;" + line + line + line, 400},
        {"both ways to say how long the body is",
         "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         400},
        {"two lengths", "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
         400},
        {"a length that is no number", "POST / HTTP/1.1\r\nContent-Length: -3\r\n\r\n", 400},
        {"not HTTP", "\x16\x03\x01\x02\r\n\r\n", 400},
        {"another version", "GET / HTTP/2.0\r\n\r\n", 400},
        {"a blank before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400},
        {"NUL in the target", std::string("GET /\0 HTTP/1.1\r\n\r\n", 19), 400},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        const auto answer = read(row.bytes);
        ASSERT_TRUE(std::holds_alternative<Response>(answer));
        const auto& response = std::get<Response>(answer);
        EXPECT_EQ(response.status, row.status) << response.body;
        EXPECT_EQ(response.content_type, "application/problem+json");
        EXPECT_THAT(response.body, HasSubstr("\"status\":" + std::to_string(row.status)));
    }
}

TEST(RequestReader, AnnouncedButMissingBytesAreWaitedFor) {
    const auto answer = read("POST / HTTP/1.1\r\nContent-Length: 60\r\n\r\nabc");
    EXPECT_TRUE(std::holds_alternative<std::monostate>(answer));
}

}  // namespace
}  // namespace bansuri::http
