// SPDX-License-Identifier: MIT
//
// What a task sees when it starts, and what a start that fails leaves behind: nothing.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "unit/keeper/keeper_process.hpp"

namespace bansuri::keeper {
namespace {

constexpr AttemptId id{4711, 2};

/// Both ways in which a process is made.
class Launch : public testing::TestWithParam<bool> {
  protected:
    void SetUp() override {
        char name[] = "/tmp/bansuri-launch-XXXXXX";
        directory_ = ::mkdtemp(name);
    }
    void TearDown() override { std::filesystem::remove_all(directory_); }
    static Options options() {
        Options options;
        options.use_clone3 = GetParam();
        return options;
    }
    std::string path(const char* name) const { return directory_ + "/" + name; }
    static std::string read_file(const std::string& path) {
        std::ifstream file(path);
        std::stringstream text;
        text << file.rdbuf();
        return text.str();
    }
    /// The error of a start that must fail, after which the keeper is as it was before.
    static SpawnError failure_of(KeeperProcess& keeper, const Order& order) {
        Peer peer(keeper.socket());
        peer.launch({1, 1}, shell("true"));  // so that what is made once has been made
        peer.finish({1, 1});
        peer.sync();
        const int before = open_descriptors(keeper.pid());
        peer.start(id, order);
        const auto failure = peer.expect(MessageType::spawn_error, id).body<SpawnError>();
        EXPECT_EQ(children_of(keeper.pid()), 0);
        EXPECT_EQ(open_descriptors(keeper.pid()), before);
        return failure;
    }
    std::string directory_;
};
INSTANTIATE_TEST_SUITE_P(, Launch, testing::Bool(),
                         [](const auto& suite) { return suite.param ? "Clone3" : "Clone"; });

TEST_P(Launch, GivenAnUntidyParent_ThenATaskHasThreeDescriptorsDefaultSignalsAndItsOwnSession) {
    KeeperProcess keeper(options(), [] {
        ::signal(SIGINT, SIG_IGN);
        ::signal(SIGPIPE, SIG_IGN);
        sigset_t blocked;
        sigemptyset(&blocked);
        sigaddset(&blocked, SIGTERM);
        ::sigprocmask(SIG_BLOCK, &blocked, nullptr);
        for (int i = 0; i < 5; ++i) {
            [[maybe_unused]] const int leaked = ::open("/dev/null", O_RDONLY);  // no O_CLOEXEC
        }
    });
    Peer peer(keeper.socket());
    Order order;
    order.argv = {"/bin/cat", "/proc/self/status"};
    const Started started = peer.launch(id, order);
    const std::string status = peer.read_all(id);
    for (const char* name : {"SigBlk:", "SigIgn:", "SigCgt:"}) {
        const std::size_t at = status.find(name);
        ASSERT_NE(at, std::string::npos);
        EXPECT_EQ(status.substr(at + 8, 16), "0000000000000000") << name;
    }
    const std::string pid = std::to_string(started.pid);
    EXPECT_NE(status.find("NSsid:\t" + pid), std::string::npos);
    EXPECT_NE(status.find("NSpgid:\t" + pid), std::string::npos);
    EXPECT_EQ(peer.finish(id).status, 0);

    order.argv = {"/bin/ls", "-1", "/proc/self/fd"};
    peer.launch({4712, 1}, order);
    EXPECT_EQ(peer.read_all({4712, 1}), "0\n1\n2\n3\n");  // 3 is what ls looks through
    peer.finish({4712, 1});
}

TEST_P(Launch, GivenAKeeperWithClosedStandardDescriptors_ThenATaskStillHasItsOwn) {
    KeeperProcess keeper(options(), [] {
        ::close(0);
        ::close(1);
        ::close(2);
    });
    Peer peer(keeper.socket());
    peer.launch(id, shell("readlink /proc/$$/fd/0; echo problem >&2"));
    EXPECT_EQ(peer.read_all(id), "/dev/null\nproblem\n");
    EXPECT_EQ(peer.finish(id).status, 0);
}

TEST_P(Launch, GivenAnEnvironmentADirectoryAndInput_ThenTheTaskHasExactlyThese) {
    KeeperProcess keeper(options());
    Peer peer(keeper.socket());
    Order order = shell("pwd; env | grep -v '^_=\\|^PWD=' | sort; cat");
    order.directory = directory_;
    order.environment = {"A=1", "PATH=/bin:/usr/bin"};
    order.input = "from a memfd\n";
    peer.launch(id, order);
    EXPECT_EQ(peer.read_all(id),
              directory_ + "\nA=1\nBANSURI_ATTEMPT=2\nBANSURI_RUN_ID=4711\nPATH=/bin:/usr/bin\n" +
                  "from a memfd\n");
    EXPECT_EQ(peer.finish(id).status, 0);
}

TEST_P(Launch, GivenLimitsAndOomScoreOfTheKeeper_ThenATaskHasThoseTheKeeperWasStartedWith) {
    KeeperProcess keeper(options(), [] {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = 300;
        ::setrlimit(RLIMIT_NOFILE, &limit);
        std::ofstream("/proc/self/oom_score_adj") << "123";
    });
    Peer peer(keeper.socket());
    peer.launch(id, shell("ulimit -n; cat /proc/self/oom_score_adj"));
    EXPECT_EQ(peer.read_all(id), "300\n123\n");
    peer.finish(id);
}

TEST_P(Launch, GivenASmallSoftLimit_ThenTheKeeperStartsMoreThanThat) {
    KeeperProcess keeper(options(), [] {
        rlimit limit{};
        ::getrlimit(RLIMIT_NOFILE, &limit);
        limit.rlim_cur = 40;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    });
    Peer peer(keeper.socket());
    for (std::uint64_t run = 1; run <= 60; ++run) {
        peer.launch({run, 1}, shell("ulimit -n; exec sleep 1000"));
        EXPECT_EQ(peer.read_line({run, 1}), "40");
    }
    EXPECT_GT(open_descriptors(keeper.pid()), 60);
}

TEST_P(Launch, GivenAProgramThatCannotBeOpened_ThenTheKeeperDoesNotWaitForEver) {
    std::filesystem::copy_file("/bin/true", path("leased"));
    // A lease, as the file's owner may take it: who opens the file has to wait.
    const UniqueFd lease(::open(path("leased").c_str(), O_RDWR | O_CLOEXEC));
    ::signal(SIGIO, SIG_IGN);
    ASSERT_EQ(::fcntl(lease.get(), F_SETLEASE, F_WRLCK), 0);
    KeeperProcess keeper(options());
    Order order;
    order.argv = {path("leased")};
    const SpawnError failure = failure_of(keeper, order);
    EXPECT_EQ(failure.step, Step::program);
    EXPECT_EQ(failure.error, ETIMEDOUT);
}

TEST_P(Launch, GivenManyStarts_ThenTheStartTimeThatIsToldIsThatOfProc) {
    KeeperProcess keeper(options());
    Peer peer(keeper.socket());
    Order order;
    order.argv = {"/bin/sleep", "1000"};
    for (std::uint64_t run = 1; run <= 100; ++run) {
        const Started started = peer.launch({run, 1}, order);
        EXPECT_EQ(started.start_time, ProcessInfo::read(started.pid)->start_time);
    }
}

TEST_P(Launch, GivenBothStreamsCaptured_ThenTheyArriveApart) {
    KeeperProcess keeper(options());
    Peer peer(keeper.socket());
    Order order = shell("echo out; echo err >&2");
    order.error = TargetKind::pipe;
    peer.start(id, order);
    Arrived started = peer.expect(MessageType::started, id);
    EXPECT_EQ(started.body<Started>().captured, captured_output | captured_error);
    ASSERT_EQ(started.fds.size(), 2U);
    peer.expect(MessageType::exited, id);
    char text[16] = {};
    EXPECT_EQ(::read(started.fds[0].get(), text, sizeof(text)), 4);
    EXPECT_EQ(std::string(text, 4), "out\n");
    EXPECT_EQ(::read(started.fds[1].get(), text, sizeof(text)), 4);
    EXPECT_EQ(std::string(text, 4), "err\n");
}

TEST_P(Launch, GivenFiles_ThenTheyAreAppendedToAndTheirLengthBeforeIsTold) {
    KeeperProcess keeper(options());
    Peer peer(keeper.socket());
    std::ofstream(path("out")) << "12345";
    Order order = shell("echo out; echo err >&2");
    order.output = TargetKind::file;
    order.output_path = path("out");
    order.error = TargetKind::file;
    order.error_path = path("err");
    const Started first = peer.launch(id, order);
    EXPECT_EQ(first.output_offset, 5U);
    EXPECT_EQ(first.error_offset, 0U);
    peer.finish(id);
    order.error = TargetKind::combined;
    const Started second = peer.launch(id, order);
    EXPECT_EQ(second.output_offset, 9U);
    EXPECT_EQ(second.error_offset, 9U);
    peer.finish(id);
    EXPECT_EQ(read_file(path("out")), "12345out\nout\nerr\n");
    EXPECT_EQ(read_file(path("err")), "err\n");
}

TEST_P(Launch, GivenAFile_ThenItsDescriptorBlocksAndOthersMaskApplies) {
    KeeperProcess keeper(options(), [] { ::umask(027); });
    Peer peer(keeper.socket());
    Order order;
    order.argv = {"/bin/grep", "flags", "/proc/self/fdinfo/1"};
    order.output = TargetKind::file;
    order.output_path = path("out");
    peer.launch(id, order);
    peer.finish(id);
    EXPECT_EQ(read_file(path("out")), "flags:\t0102001\n");  // O_WRONLY, O_APPEND, O_LARGEFILE
    struct stat status {};
    ASSERT_EQ(::stat(path("out").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST_P(Launch, GivenALongSpec_ThenItTravelsInAMemfd) {
    KeeperProcess keeper(options());
    Peer peer(keeper.socket());
    Order order = shell("echo ${#A} ${#B}");
    order.environment.push_back("A=" + std::string(100'000, 'a'));
    order.environment.push_back("B=" + std::string(120'000, 'b'));
    peer.launch(id, order);
    EXPECT_EQ(peer.read_all(id), "100000 120000\n");
    peer.finish(id);
}

TEST_P(Launch, WhatFails) {
    std::filesystem::create_directory(path("directory"));
    ASSERT_EQ(::mkfifo(path("fifo").c_str(), 0666), 0);
    std::ofstream(path("plain")) << "not a program";
    std::ofstream(path("text")) << "no program either";
    ::chmod(path("text").c_str(), 0755);
    struct Row {
        const char* why;
        std::function<void(Order&)> change;
        Step step;
        int error;
    };
    const Row rows[] = {
        {"no directory", [](Order& order) { order.directory = "/nowhere"; },
         Step::working_directory, ENOENT},
        {"a directory that is a file", [](Order& order) { order.directory = "/etc/passwd"; },
         Step::working_directory, ENOTDIR},
        {"no program", [](Order& order) { order.argv = {"/nowhere"}; }, Step::program, ENOENT},
        {"not executable", [this](Order& order) { order.argv = {path("plain")}; }, Step::program,
         EACCES},
        {"no format", [this](Order& order) { order.argv = {path("text")}; }, Step::program,
         ENOEXEC},
        {"an argument too long",
         [](Order& order) { order.argv.push_back(std::string(131'072, 'x')); }, Step::program,
         E2BIG},
        {"stdout is a directory",
         [this](Order& order) {
             order.output = TargetKind::file;
             order.output_path = path("directory");
         },
         Step::standard_output, EISDIR},
        {"stdout is a FIFO without a reader",
         [this](Order& order) {
             order.output = TargetKind::file;
             order.output_path = path("fifo");
         },
         Step::standard_output, ENXIO},
        {"stderr in no directory",
         [](Order& order) {
             order.error = TargetKind::file;
             order.error_path = "/nowhere/err";
         },
         Step::standard_error, ENOENT},
        {"stderr may not be written",
         [](Order& order) {
             order.error = TargetKind::file;
             order.error_path = "/sys/kernel/notes";
         },
         Step::standard_error, EACCES},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        KeeperProcess keeper(options());
        Order order = shell("true");
        row.change(order);
        const SpawnError failure = failure_of(keeper, order);
        EXPECT_EQ(failure.step, row.step);
        EXPECT_EQ(failure.error, row.error);
    }
}

TEST_P(Launch, GivenARunningAttempt_WhenItsIdIsStartedAgain_ThenItIsRefusedAndTheFirstLives) {
    KeeperProcess keeper(options());
    Peer peer(keeper.socket());
    const Started started = peer.launch(id, shell("exec sleep 1000"));
    peer.start(id, shell("true"));
    const auto failure = peer.expect(MessageType::spawn_error, id).body<SpawnError>();
    EXPECT_EQ(failure.step, Step::request);
    EXPECT_EQ(failure.error, EEXIST);
    EXPECT_TRUE(alive(started.pid));
}

TEST_P(Launch, GivenAsManyAttemptsAsAreAllowed_ThenTheNextIsRefusedUntilOneIsAcknowledged) {
    Options few = options();
    few.max_attempts = 2;
    KeeperProcess keeper(few);
    Peer peer(keeper.socket());
    peer.launch({1, 1}, shell("true"));
    peer.launch({2, 1}, shell("exec sleep 1000"));
    peer.start({3, 1}, shell("true"));
    const auto failure = peer.expect(MessageType::spawn_error, {3, 1}).body<SpawnError>();
    EXPECT_EQ(failure.step, Step::request);
    EXPECT_EQ(failure.error, EAGAIN);
    peer.finish({1, 1});
    peer.launch({3, 1}, shell("true"));
    peer.finish({3, 1});
}

TEST_P(Launch, GivenFewDescriptors_ThenStartsFailCleanlyAndOthersCanStillBeEnded) {
    KeeperProcess keeper(options(), [] {
        const rlimit limit{100, 100};
        ::setrlimit(RLIMIT_NOFILE, &limit);
    });
    Peer peer(keeper.socket());
    std::uint64_t run = 1;
    for (;; ++run) {
        ASSERT_LT(run, 100U);
        peer.start({run, 1}, shell("exec sleep 1000"));
        const Arrived answer = peer.answer_to_start({run, 1});
        if (answer.header.type == MessageType::started) continue;
        EXPECT_EQ(answer.body<SpawnError>().error, EMFILE);
        break;
    }
    EXPECT_GT(run, 4U);
    for (std::uint64_t started = 1; started < run; ++started) {
        peer.end({started, 1}, std::chrono::microseconds(0));
        EXPECT_EQ(WTERMSIG(peer.finish({started, 1}).status), SIGKILL);
    }
    peer.launch({run, 1}, shell("true"));
    EXPECT_EQ(peer.finish({run, 1}).status, 0);
}

}  // namespace
}  // namespace bansuri::keeper
