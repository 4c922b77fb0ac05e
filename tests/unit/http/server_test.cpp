// SPDX-License-Identifier: MIT
#include "http/server.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <boost/asio/co_spawn.hpp>
#include <condition_variable>
#include <filesystem>
#include <future>

#include "http/ask.hpp"
#include "support/fake_backend.hpp"
#include "support/temporary_directory.hpp"
#include "support/unix_client.hpp"

namespace bansuri::http {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::UnixClient;

constexpr const char* ask_version = "GET /api/v1/version HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr const char* ask_and_close =
    "GET /api/v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// A directory to bind in, as the daemon hands it over.
class Directory {
  public:
    explicit Directory(const std::string& path)
        : fd_(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)) {}
    ~Directory() { ::close(fd_); }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    int fd() const { return fd_; }

  private:
    int fd_;
};

/// Keeps a question until the test answers it, on the test's thread.
class LateBackend final : public Backend {
  public:
    explicit LateBackend(engine::RunHistory& history) : history_(history) {}
    Identity identity() const override { return {}; }
    void status(std::vector<std::string>, Done<StatusAnswer>) override {}
    void reload(Done<Result<ReloadAnswer>>) override {}
    void shutdown(Done<Result<void>> done) override {
        const std::lock_guard lock(mutex_);
        done_ = std::move(done);
        came_.notify_all();
    }
    void restart_daemon(Done<Result<void>>) override {}
    engine::RunHistory& history() override { return history_; }
    void report(const std::string&) override {}

    Done<Result<void>> question() {
        std::unique_lock lock(mutex_);
        if (!came_.wait_for(lock, 20s, [this] { return done_ != nullptr; })) return {};
        return done_;
    }

  private:
    engine::RunHistory& history_;
    std::mutex mutex_;
    std::condition_variable came_;
    Done<Result<void>> done_;
};

class TheServer : public ::testing::Test {
  protected:
    TheServer() : directory(folder.path("")), backend(history) {}

    void serve(Limits limits = {}) {
        server.emplace(backend, directory.fd(), "bansuri.sock", limits);
    }
    std::string path() const { return folder.path("bansuri.sock"); }
    std::string exchange(std::string_view bytes) const {
        const UnixClient client(path());
        client.send(bytes);
        return client.receive();
    }
    mode_t mode() const {
        struct stat found {};
        EXPECT_EQ(::lstat(path().c_str(), &found), 0);
        return found.st_mode;
    }

    testing::TemporaryDirectory folder;
    Directory directory;
    testing::FakeHistory history;
    testing::FakeBackend backend;
    std::optional<Server> server;
};

TEST_F(TheServer, AnswersOneRequestAfterTheOther) {
    serve();
    const UnixClient client(path());
    for (int i = 0; i < 3; ++i) {
        client.send(ask_version);
        EXPECT_THAT(client.receive("}\n"), HasSubstr(R"("pid":4711)"));
    }
    client.send(std::string(ask_version) + ask_and_close);
    const std::string both = client.receive();
    EXPECT_THAT(both, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(both.substr(10), HasSubstr("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(both, EndsWith("}\n"));
}

TEST_F(TheServer, AnswersHeadWithoutABody) {
    serve();
    const std::string answer =
        exchange("HEAD /api/v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("Content-Length: "));
    EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(TheServer, MakesASocketForItsUserAloneWhateverTheUmask) {
    for (const mode_t mask : {0000U, 0077U, 0777U}) {
        const mode_t before = ::umask(mask);
        serve();
        ::umask(before);
        EXPECT_EQ(mode(), S_IFSOCK | 0600U);
        EXPECT_THAT(exchange(ask_and_close), HasSubstr("200 OK"));
        server.reset();
        EXPECT_FALSE(std::filesystem::exists(path()));
    }
}

TEST_F(TheServer, ReplacesASocketThatNobodyListensAt) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof address.sun_path - 1);
    const UnixClient dead;
    ASSERT_EQ(::bind(dead.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    serve();
    EXPECT_THAT(exchange(ask_and_close), HasSubstr("200 OK"));
}

TEST_F(TheServer, ReplacesASymbolicLinkAndNotWhatItLeadsTo) {
    const std::string precious = folder.write("precious", "text");
    std::filesystem::create_symlink(precious, path());
    serve();
    EXPECT_EQ(mode(), S_IFSOCK | 0600U);
    EXPECT_TRUE(std::filesystem::is_regular_file(precious));
}

TEST_F(TheServer, RefusesToStartWhereADirectoryStands) {
    std::filesystem::create_directory(path());
    EXPECT_THROW(serve(), std::system_error);
}

TEST_F(TheServer, ListensInADirectoryWhosePathNoAddressHasRoomFor) {
    const std::string deep = folder.path(std::string(100, 'a') + "/" + std::string(100, 'b'));
    std::filesystem::create_directories(deep);
    const Directory far(deep);
    const Server there(backend, far.fd(), "bansuri.sock");
    const UnixClient client("/proc/self/fd/" + std::to_string(far.fd()) + "/bansuri.sock");
    client.send(ask_and_close);
    EXPECT_THAT(client.receive(), HasSubstr("200 OK"));
}

TEST_F(TheServer, RefusesTheProcessOfAnotherUser) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can be somebody else";
    serve();
    std::filesystem::permissions(folder.path(""), std::filesystem::perms(0755));
    ASSERT_EQ(::chmod(path().c_str(), 0666), 0);  // only the check of the peer is left
    const std::string place = path();
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        if (::setresuid(65534, 65534, 65534) != 0) ::_exit(10);
        const UnixClient client;
        if (!client.connect(place)) ::_exit(11);
        ::send(client.fd(), ask_version, std::char_traits<char>::length(ask_version), MSG_NOSIGNAL);
        char byte = 0;
        const ssize_t size = ::recv(client.fd(), &byte, 1, 0);
        ::_exit(size <= 0 ? 0 : 12);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_THAT(exchange(ask_and_close), HasSubstr("200 OK"));
}

TEST_F(TheServer, TellsAClientWhatIsWrongAndGoesOnWithTheOthers) {
    serve();
    const UnixClient other(path());
    struct Row {
        const char* why;
        std::string bytes;
        const char* status;
    };
    const Row rows[] = {
        {"garbage", "\x16\x03\x01\x02\x03\r\n\r\n", "400"},
        {"too long a header", "GET / HTTP/1.1\r\nX: " + std::string(9000, 'a') + "\r\n\r\n", "431"},
        {"too long a body, all of it sent",
         "POST / HTTP/1.1\r\nContent-Length: 300000\r\n\r\n" + std::string(300'000, 'a'), "413"},
        {"unknown path", "GET /x HTTP/1.1\r\nConnection: close\r\n\r\n", "404"},
        {"wrong method", "POST /api/v1/status HTTP/1.1\r\nConnection: close\r\n\r\n", "405"},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        const std::string answer = exchange(row.bytes);
        EXPECT_THAT(answer, StartsWith(std::string("HTTP/1.1 ") + row.status));
        EXPECT_THAT(answer, HasSubstr("application/problem+json"));
    }
    other.send(ask_and_close);
    EXPECT_THAT(other.receive(), HasSubstr("200 OK"));
}

TEST_F(TheServer, EndsARequestThatDoesNotComeToItsEnd) {
    Limits limits;
    limits.request_time = 100ms;
    serve(limits);
    const UnixClient slow(path());
    slow.send("GET /api/v1/version HTTP/1.1\r\n");
    const UnixClient other(path());
    other.send(ask_and_close);
    EXPECT_THAT(other.receive(), HasSubstr("200 OK"));
    EXPECT_THAT(slow.receive(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(TheServer, EndsARequestThatComesByteByByteAtTheSameTime) {
    Limits limits;
    limits.request_time = 200ms;
    serve(limits);
    const UnixClient slow(path());
    std::atomic<bool> ended{false};
    std::thread drip([&] {
        while (!ended && slow.send("G")) std::this_thread::sleep_for(10ms);
    });
    const std::string answer = slow.receive();
    ended = true;
    drip.join();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 4"));
}

TEST_F(TheServer, ClosesAConnectionThatAsksNothing) {
    Limits limits;
    limits.idle_time = 100ms;
    serve(limits);
    const UnixClient idle(path());
    EXPECT_EQ(idle.receive(), "");
}

TEST_F(TheServer, GivesUpOnAClientThatDoesNotReadItsAnswer) {
    Limits limits;
    limits.answer_time = 100ms;
    history.records.emplace_back();
    history.records.back().id = 17;
    history.outputs[{17, 1}].spans = {{false, std::string(1024 * 1024, 'x')}};
    serve(limits);
    const UnixClient deaf(path());
    const std::string question =
        "GET /api/v1/runs/17/output?attempt=1&limit=1048576 HTTP/1.1\r\nHost: x\r\n\r\n";
    deaf.send(question);
    // The buffers of a socket hold less than the answer; what is sent next is never read, and at
    // some point the server has closed its end.
    while (deaf.send(question)) {
        pollfd watched{deaf.fd(), POLLHUP, 0};
        if (::poll(&watched, 1, 10) == 1 && (watched.revents & POLLHUP) != 0) break;
    }
    EXPECT_THAT(exchange(ask_and_close), HasSubstr("200 OK"));
}

TEST_F(TheServer, MakesRoomForANewClientByEndingTheOneThatWaitedLongest) {
    Limits limits;
    limits.connections = 4;
    serve(limits);
    std::vector<UnixClient> idle;
    for (int i = 0; i < 4; ++i) {
        idle.emplace_back(path());
        idle.back().send(ask_version);  // and then nothing more
        EXPECT_THAT(idle.back().receive("}\n"), HasSubstr("200 OK"));
    }
    EXPECT_THAT(exchange(ask_and_close), HasSubstr("200 OK"));
    EXPECT_EQ(idle[0].receive(), "");
    idle[3].send(ask_and_close);
    EXPECT_THAT(idle[3].receive(), HasSubstr("200 OK"));
}

TEST_F(TheServer, TurnsClientsAwayWithoutDescriptorsAndServesAgainWithThem) {
    serve();
    UnixClient first;
    UnixClient second;
    rlimit before{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
    rlimit tight = before;
    // All numbers below are taken: the next one is over the limit.
    std::vector<int> filling;
    for (int fd = 0; fd <= second.fd();) {
        fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        filling.push_back(fd);
    }
    tight.rlim_cur = static_cast<rlim_t>(filling.back());
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
    ASSERT_TRUE(first.connect(path()));
    EXPECT_EQ(first.receive(), "");
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
    for (const int fd : filling) ::close(fd);
    ASSERT_TRUE(second.connect(path()));
    second.send(ask_and_close);
    EXPECT_THAT(second.receive(), HasSubstr("200 OK"));
}

TEST_F(TheServer, SendsTheAnswerUnderWayBeforeItStops) {
    LateBackend late(history);
    Server there(late, directory.fd(), "late.sock");
    const UnixClient idle(folder.path("late.sock"));
    const UnixClient client(folder.path("late.sock"));
    client.send(
        "POST /api/v1/shutdown HTTP/1.1\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\n\r\n{}");
    const auto done = late.question();
    ASSERT_TRUE(done);
    auto stopped = std::async(std::launch::async, [&] { there.stop(); });
    EXPECT_EQ(idle.receive(), "");
    done(Result<void>());
    EXPECT_THAT(client.receive(), HasSubstr("202 Accepted"));
    stopped.get();
    EXPECT_FALSE(std::filesystem::exists(folder.path("late.sock")));
}

TEST_F(TheServer, BearsAnAnswerThatComesWhenItHasGone) {
    LateBackend late(history);
    Backend::Done<Result<void>> done;
    {
        Limits limits;
        limits.stop_time = 20ms;
        const Server there(late, directory.fd(), "late.sock", limits);
        const UnixClient client(folder.path("late.sock"));
        client.send(
            "POST /api/v1/shutdown HTTP/1.1\r\nContent-Type: application/json\r\n"
            "Content-Length: 2\r\n\r\n{}");
        done = late.question();
        ASSERT_TRUE(done);
    }
    done(Result<void>());
}

TEST(Ask, GivesUpAfterItsBound) {
    const auto context = std::make_shared<boost::asio::io_context>(1);
    std::optional<Result<int>> answer;
    Backend::Done<int> kept;
    const auto question = [&kept](Backend::Done<int> done) { kept = std::move(done); };
    boost::asio::co_spawn(*context, ask<int>(context, question, 0s),
                          [&](std::exception_ptr, Result<int> given) { answer = given; });
    context->run();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->error().code, ErrorCode::unreachable);
    kept(5);
    context->restart();
    context->run();
}

}  // namespace
}  // namespace bansuri::http
