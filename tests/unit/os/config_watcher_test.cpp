// SPDX-License-Identifier: MIT
#include "os/config_watcher.hpp"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>

#include "support/temporary_directory.hpp"

namespace bansuri::os {
namespace {

using namespace std::chrono_literals;

class ConfigWatcherTest : public ::testing::Test {
  protected:
    ConfigWatcherTest() : path(directory.write("scripts.json", "1")) {}
    void watch(const std::string& file, ConfigWatcher::Pace pace = {10ms, 1h}) {
        watcher.emplace(
            loop.get_executor(), file, [this] { ++changes; }, pace);
    }
    /// Runs the loop until `count` changes were told; the bound only ends a failing test.
    bool told(int count) {
        const auto limit = std::chrono::steady_clock::now() + 30s;
        while (changes < count && std::chrono::steady_clock::now() < limit) loop.run_one_for(100ms);
        return changes >= count;
    }
    testing::TemporaryDirectory directory;
    std::string path;
    boost::asio::io_context loop;
    std::optional<ConfigWatcher> watcher;
    int changes = 0;
};

TEST_F(ConfigWatcherTest, AFileWrittenInPlaceIsTold) {
    watch(path);
    ASSERT_TRUE(watcher->has_events());
    directory.write("scripts.json", "2");
    EXPECT_TRUE(told(1));
}

TEST_F(ConfigWatcherTest, AFileThatIsReplacedIsTold_AgainAndAgain) {
    watch(path);
    for (int i = 1; i <= 3; ++i) {
        std::filesystem::rename(directory.write("new", std::to_string(i)), path);
        EXPECT_TRUE(told(i));
    }
}

TEST_F(ConfigWatcherTest, AFileThatVanishesAndComesBackIsTold) {
    watch(path);
    std::filesystem::remove(path);
    EXPECT_TRUE(told(1));
    directory.write("scripts.json", "2");
    EXPECT_TRUE(told(2));
}

TEST_F(ConfigWatcherTest, ALinkThatIsSwappedIsTold) {
    directory.write("a", "1");
    directory.write("b", "2");
    std::filesystem::create_symlink("a", directory.path("link"));
    watch(directory.path("link"));
    std::filesystem::create_symlink("b", directory.path("next"));
    std::filesystem::rename(directory.path("next"), directory.path("link"));
    EXPECT_TRUE(told(1));
}

TEST_F(ConfigWatcherTest, AChangeOfWhatALinkPointsAtIsTold) {
    std::filesystem::create_directory(directory.path("elsewhere"));
    directory.write("elsewhere/real", "1");
    std::filesystem::create_symlink("elsewhere/real", directory.path("link"));
    watch(directory.path("link"));
    directory.write("elsewhere/real", "2");
    EXPECT_TRUE(told(1));
}

TEST_F(ConfigWatcherTest, OtherFilesInTheDirectoryAreNotTold) {
    watch(path);
    for (int i = 0; i < 100; ++i) directory.write("log" + std::to_string(i), "x");
    directory.write("scripts.json", "2");  // told after all that went before
    EXPECT_TRUE(told(1));
    EXPECT_EQ(changes, 1);
}

TEST_F(ConfigWatcherTest, WhatInotifyDoesNotSeeIsFoundByLooking) {
    // The directory is replaced whole: the watch stays with the old one.
    std::filesystem::create_directory(directory.path("d"));
    directory.write("d/scripts.json", "1");
    watch(directory.path("d/scripts.json"), {10ms, 50ms});
    std::filesystem::create_directory(directory.path("e"));
    directory.write("e/scripts.json", "2");
    std::filesystem::rename(directory.path("d"), directory.path("old"));
    std::filesystem::rename(directory.path("e"), directory.path("d"));
    EXPECT_TRUE(told(1));
}

}  // namespace
}  // namespace bansuri::os
