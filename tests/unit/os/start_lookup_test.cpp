// SPDX-License-Identifier: MIT
#include "os/start_lookup.hpp"

#include <gmock/gmock.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <fstream>
#include <thread>

#include "core/environment_file.hpp"
#include "os/accounts.hpp"
#include "support/task_builder.hpp"
#include "support/temporary_directory.hpp"

namespace bansuri::os {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refusal_of(const Isolation& isolation) {
    const auto facts = look_up_now(isolation);
    return facts ? "no refusal" : facts.error().message;
}

Isolation as(const std::string& user, const std::string& group = {}) {
    Isolation isolation;
    isolation.user = user;
    isolation.group = group;
    return isolation;
}

TEST(Accounts, RootIsKnownByNameAndByNumber) {
    for (const char* user : {"root", "0"}) {
        const auto account = find_account(user, {});
        ASSERT_TRUE(account) << account.error().message;
        EXPECT_EQ(account->name, "root");
        EXPECT_EQ(account->user, 0U);
        EXPECT_EQ(account->group, 0U);
        EXPECT_EQ(account->home, ::getpwuid(0)->pw_dir);
        EXPECT_THAT(account->groups, ::testing::Contains(0U));
    }
}

TEST(Accounts, AGroupOfItsOwnReplacesTheUsers) {
    const auto account = find_account("daemon", "nogroup");
    ASSERT_TRUE(account) << account.error().message;
    EXPECT_EQ(account->group, ::getgrnam("nogroup")->gr_gid);
    EXPECT_THAT(account->groups, ::testing::ElementsAre(account->group));
}

TEST(Accounts, ANumberWithoutAnAccountNeedsAGroup) {
    EXPECT_THAT(find_account("61234", {}).error().message,
                AllOf(HasSubstr("61234"), HasSubstr("add group")));
    const auto account = find_account("61234", "61235");
    ASSERT_TRUE(account) << account.error().message;
    EXPECT_EQ(account->user, 61'234U);
    EXPECT_EQ(account->group, 61'235U);
    EXPECT_EQ(account->home, "/");
}

TEST(Accounts, WhoIsNotThereIsNamedWithARemedy) {
    EXPECT_THAT(find_account("nobody-of-this-name", {}).error().message,
                AllOf(HasSubstr("user \"nobody-of-this-name\""), HasSubstr("useradd")));
    EXPECT_THAT(find_account("root", "no-such-group").error().message,
                AllOf(HasSubstr("group \"no-such-group\""), HasSubstr("groupadd")));
    // "Leave it as it is", to the calls that are made of it.
    EXPECT_FALSE(find_account("4294967295", "0"));
    EXPECT_FALSE(find_account("root", "4294967295"));
    EXPECT_FALSE(find_account("-1", "0"));
}

class LookupTest : public ::testing::Test {
  protected:
    Isolation with_file(const std::string& name, const std::string& text, bool required = true) {
        std::ofstream(directory.path(name)) << text;
        return reading(name, required);
    }
    Isolation reading(const std::string& name, bool required = true) const {
        Isolation isolation;
        isolation.environment_files = {{directory.path(name), required}};
        return isolation;
    }
    testing::TemporaryDirectory directory;
};

TEST_F(LookupTest, ReadsFilesInTheirOrder) {
    Isolation isolation = with_file("a.env", "A=1\nB=1\n");
    isolation.environment_files.push_back(
        with_file("b.json", R"({"B": "2"})").environment_files.front());
    isolation.environment_files.push_back({directory.path("missing"), false});
    const auto facts = look_up_now(isolation);
    ASSERT_TRUE(facts) << facts.error().message;
    const Variables wanted = {{"A", "1"}, {"B", "1"}, {"B", "2"}};
    EXPECT_EQ(facts->variables, wanted);
    EXPECT_FALSE(facts->account);
}

TEST_F(LookupTest, SaysWhichFileCannotBeReadAndWhatToDo) {
    EXPECT_THAT(refusal_of(reading("missing")),
                AllOf(HasSubstr(directory.path("missing")), HasSubstr("No such file"),
                      HasSubstr("lead its name with -")));
    EXPECT_THAT(refusal_of(with_file("bad.env", "A=1\nnonsense\n", false)),
                AllOf(HasSubstr("bad.env"), HasSubstr("line 2")));
    ::mkdir(directory.path("folder").c_str(), 0755);
    EXPECT_THAT(refusal_of(reading("folder", false)), HasSubstr("it is no file"));
    ::mkfifo(directory.path("fifo").c_str(), 0600);
    EXPECT_THAT(refusal_of(reading("fifo")), HasSubstr("it is no file"));
    const std::string large(StartLookup::largest_file + 1, '#');
    EXPECT_THAT(refusal_of(with_file("large.env", large)), HasSubstr("larger than 1 MiB"));
}

TEST_F(LookupTest, AsksInAnotherThreadAndAnswersOnTheLoop) {
    StartLookup lookup;
    boost::asio::io_context loop;
    Task task = *testing::task("a").build();
    task.command.isolation.edit() = with_file("a.env", "A=1\n");
    task.command.isolation.edit().user = std::to_string(::geteuid());
    std::optional<Result<engine::StartFacts>> answer;
    std::thread::id answered;
    boost::asio::co_spawn(loop, lookup.look_up(std::make_shared<Task>(task)),
                          [&](const std::exception_ptr&, Result<engine::StartFacts> facts) {
                              answered = std::this_thread::get_id();
                              answer = std::move(facts);
                          });
    loop.run();
    ASSERT_TRUE(answer);
    ASSERT_TRUE(*answer) << answer->error().message;
    EXPECT_EQ((*answer)->variables, (Variables{{"A", "1"}}));
    EXPECT_EQ((*answer)->account->user, ::geteuid());
    EXPECT_EQ(answered, std::this_thread::get_id());
}

TEST_F(LookupTest, WithoutPrivilegesOnlyOneselfIsAccepted) {
    if (::geteuid() == 0) EXPECT_TRUE(look_up_now(as("daemon")));
    // In a process of its own, which has given its privileges up.
    const auto ask = [](const Isolation& isolation) {
        const passwd* const other = ::getpwnam("daemon");
        if (::geteuid() == 0 && (::setresgid(other->pw_gid, other->pw_gid, other->pw_gid) < 0 ||
                                 ::setresuid(other->pw_uid, other->pw_uid, other->pw_uid) < 0)) {
            ::_exit(2);
        }
        const std::string refusal = refusal_of(isolation);
        [[maybe_unused]] const auto told = ::write(STDERR_FILENO, refusal.data(), refusal.size());
        ::_exit(0);
    };
    const auto fine = ::testing::ExitedWithCode(0);
    EXPECT_EXIT(ask(as("root")), fine, "only root can run a task as somebody else");
    if (::geteuid() == 0) {
        EXPECT_EXIT(ask(as("daemon")), fine, "no refusal");
        EXPECT_EXIT(ask(as("daemon", "root")), fine, "only root can run a task as somebody else");
    }
}

}  // namespace
}  // namespace bansuri::os
