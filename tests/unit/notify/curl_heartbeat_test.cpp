// SPDX-License-Identifier: MIT
#include "notify/curl_heartbeat.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <mutex>

#include "support/local_server.hpp"

namespace bansuri::notify {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::LocalServer;
using ::testing::Not;
using ::testing::SizeIs;
using Connection = LocalServer::Connection;

void fine(const Connection& client, const std::string&) {
    client.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
}

class CurlHeartbeatTest : public ::testing::Test {
  protected:
    CurlHeartbeat& make(CurlHeartbeat::Limits limits = {}) {
        heartbeat = std::make_unique<CurlHeartbeat>(
            loop.get_executor(),
            [this](const std::string& task, const std::string& error) {
                reports.push_back(task + ": " + error);
            },
            limits);
        return *heartbeat;
    }
    /// Until every request has its answer.
    void settle() {
        bool idle = false;
        boost::asio::co_spawn(loop, heartbeat->until_idle(),
                              [&idle](std::exception_ptr) { idle = true; });
        until([&idle] { return idle; });
    }
    void until(const std::function<bool()>& reached) {
        const auto limit = std::chrono::steady_clock::now() + 30s;
        while (!reached() && std::chrono::steady_clock::now() < limit) {
            loop.restart();
            loop.run_for(5ms);
        }
        ASSERT_TRUE(reached());
    }

    boost::asio::io_context loop;
    std::vector<std::string> reports;
    std::unique_ptr<CurlHeartbeat> heartbeat;
};

TEST_F(CurlHeartbeatTest, RequestsTheAddressOnceForEachBeat) {
    LocalServer server(fine);
    make();
    heartbeat->beat("backup", server.address("/ping/backup?x=1"));
    settle();
    heartbeat->beat("backup", server.address("/ping/backup?x=1"));
    settle();
    EXPECT_THAT(server.asked(), ElementsAre("/ping/backup?x=1", "/ping/backup?x=1"));
    EXPECT_THAT(reports, IsEmpty());
}

TEST_F(CurlHeartbeatTest, AFailureIsToldOnceInARow_WithoutThePath_AndItsEndToo) {
    std::atomic<bool> well = false;
    LocalServer server([&well](const Connection& client, const std::string& path) {
        if (well) return fine(client, path);
        client.send("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
    });
    make();
    for (int i = 0; i < 3; ++i) {
        heartbeat->beat("backup", server.address("/secret"));
        settle();
    }
    EXPECT_THAT(reports, ElementsAre("backup: the answer is HTTP status 503"));
    well = true;
    heartbeat->beat("backup", server.address("/secret"));
    settle();
    EXPECT_THAT(reports, ElementsAre(HasSubstr("503"), "backup: "));
    well = false;
    heartbeat->beat("backup", server.address("/secret"));
    settle();
    EXPECT_THAT(reports, SizeIs(3));
    EXPECT_THAT(reports, Each(Not(HasSubstr("secret"))));
}

TEST_F(CurlHeartbeatTest, OneThatRefusesToTalkIsAFailure) {
    std::string address;
    { address = LocalServer(fine).address("/"); }
    make().beat("backup", address);
    settle();
    EXPECT_THAT(reports, ElementsAre(HasSubstr("backup: Failed to connect to 127.0.0.1")));
}

TEST_F(CurlHeartbeatTest, OneThatDoesNotAnswerIsGivenUpAndHoldsUpNoOther) {
    LocalServer slow([](const Connection& client, const std::string&) { client.wait(); });
    LocalServer server(fine);
    make({.each = 300ms});
    heartbeat->beat("slow", slow.address("/"));
    heartbeat->beat("quick", server.address("/"));
    settle();
    EXPECT_THAT(server.asked(), SizeIs(1));
    EXPECT_THAT(reports, ElementsAre(HasSubstr("slow: Operation timed out")));
}

TEST_F(CurlHeartbeatTest, AnEndlessBodyIsCutAndWasAnAnswer) {
    LocalServer server([](const Connection& client, const std::string&) {
        if (!client.send("HTTP/1.1 200 OK\r\n\r\n")) return;
        while (client.send(std::string(4096, 'x'))) continue;
    });
    make().beat("backup", server.address("/"));
    settle();
    EXPECT_THAT(reports, IsEmpty());
}

TEST_F(CurlHeartbeatTest, AnEndlessHeadIsCut) {
    LocalServer server([](const Connection& client, const std::string&) {
        if (!client.send("HTTP/1.1 500 No\r\n")) return;
        while (client.send("X-More: " + std::string(1000, 'x') + "\r\n")) continue;
    });
    make().beat("backup", server.address("/"));
    settle();
    EXPECT_THAT(reports, SizeIs(1));
}

TEST_F(CurlHeartbeatTest, ARedirectIsFollowed_InACircleNotForEver_AndToHttpOnly) {
    LocalServer server([](const Connection& client, const std::string& path) {
        if (path == "/end") return fine(client, path);
        const std::string to = path == "/begin"  ? "/end"
                               : path == "/file" ? "file:///etc/passwd"
                                                 : "/circle";
        client.send("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + to + "\r\n\r\n");
    });
    make();
    heartbeat->beat("fine", server.address("/begin"));
    settle();
    EXPECT_THAT(reports, IsEmpty());
    EXPECT_THAT(server.asked(), ElementsAre("/begin", "/end"));
    heartbeat->beat("circle", server.address("/circle"));
    settle();
    EXPECT_THAT(server.asked(), SizeIs(2 + 1 + 5));
    EXPECT_THAT(reports, ElementsAre(HasSubstr("circle: Maximum (5) redirects followed")));
    heartbeat->beat("file", server.address("/file"));
    settle();
    EXPECT_THAT(reports, ElementsAre(HasSubstr("circle"), HasSubstr("file: Protocol \"file\"")));
}

TEST_F(CurlHeartbeatTest, OnlySoManyAreUnderWayAndWait_AndTheRestIsDropped) {
    std::mutex mutex;
    std::condition_variable changed;
    int now = 0;
    int most = 0;
    LocalServer server([&](const Connection& client, const std::string& path) {
        {
            std::unique_lock lock(mutex);
            most = std::max(most, ++now);
            changed.notify_all();
            // The first ones answer when as many are under way as may be.
            changed.wait_for(lock, 20s, [&] { return most >= 3; });
            --now;
        }
        fine(client, path);
    });
    make({.queued = 20, .at_once = 3});
    for (int i = 0; i < 50; ++i) heartbeat->beat("t" + std::to_string(i), server.address("/"));
    settle();
    EXPECT_THAT(server.asked(), SizeIs(20));
    EXPECT_EQ(most, 3);
    EXPECT_THAT(reports, SizeIs(30));
    EXPECT_THAT(reports, Each(HasSubstr("dropped: 20 are waiting already")));
}

TEST_F(CurlHeartbeatTest, WhoGivesUpWaitsForNothing) {
    LocalServer slow([](const Connection& client, const std::string&) { client.wait(); });
    make();
    for (int i = 0; i < 20; ++i) heartbeat->beat("slow", slow.address("/"));
    until([&] { return !slow.asked().empty(); });
    heartbeat->abandon();
    settle();
    const auto began = std::chrono::steady_clock::now();
    heartbeat.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
    EXPECT_THAT(reports, IsEmpty());
}

}  // namespace
}  // namespace bansuri::notify
