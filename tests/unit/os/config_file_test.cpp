// SPDX-License-Identifier: MIT
#include "os/config_file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "support/temporary_directory.hpp"

namespace bansuri::os {
namespace {

using ::testing::HasSubstr;

class ConfigFile : public ::testing::Test {
  protected:
    std::string refusal(const std::string& path) {
        const auto read = read_config_file(path);
        EXPECT_FALSE(read);
        return read ? "" : read.error().message;
    }
    testing::TemporaryDirectory directory;
};

TEST_F(ConfigFile, GivesTheTextAndTheAbsoluteDirectory) {
    const std::string path = directory.write("scripts.json", "{}");
    const auto read = read_config_file(path);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->text, "{}");
    EXPECT_EQ(read->directory, std::filesystem::path(path).parent_path().string());
    EXPECT_EQ(read->identity, identify(path));
}

TEST_F(ConfigFile, WhatCannotBeReadIsRefusedWithPathAndCause) {
    EXPECT_THAT(refusal(directory.path("missing")), HasSubstr("missing\": there is no such file"));
    EXPECT_THAT(refusal(directory.path("")), HasSubstr("not a regular file"));
    EXPECT_THAT(refusal("/dev/zero"), HasSubstr("not a regular file"));
    ::mkfifo(directory.path("fifo").c_str(), 0600);
    EXPECT_THAT(refusal(directory.path("fifo")), HasSubstr("not a regular file"));  // and no hang
}

TEST_F(ConfigFile, AFileThatEverybodyMayWriteIsRefused) {
    const std::string path = directory.write("open.json", "{}");
    ::chmod(path.c_str(), 0666);
    EXPECT_THAT(refusal(path), HasSubstr("every user"));
}

TEST_F(ConfigFile, AFileThatIsTooLargeIsNotEvenRead) {
    const std::string path = directory.write("large.json", "");
    std::filesystem::resize_file(path, (32U << 20) + 1);  // sparse
    EXPECT_THAT(refusal(path), HasSubstr("33554433 bytes"));
}

TEST_F(ConfigFile, EachChangeIsAnotherIdentity) {
    const std::string path = directory.write("scripts.json", "aa");
    const FileIdentity before = identify(path);
    EXPECT_EQ(identify(path), before);
    directory.write("other.json", "bb");
    std::filesystem::rename(directory.path("other.json"), path);
    EXPECT_NE(identify(path), before);
    std::filesystem::remove(path);
    EXPECT_EQ(identify(path), FileIdentity{});
}

}  // namespace
}  // namespace bansuri::os
