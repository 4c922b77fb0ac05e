// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "core/base64.hpp"
#include "core/printable.hpp"
#include "core/state_directory.hpp"
#include "core/utf8.hpp"

namespace bansuri {
namespace {

TEST(PrintableLine, IsOneLineWhateverComes) {
    EXPECT_EQ(printable_line("a\nb\tc\x1b[2J"), "a\\x0ab\\x09c\\x1b[2J");
    EXPECT_EQ(printable_line("gr\xc3\xbcn"), "gr\xc3\xbcn");
}

TEST(Base64, IsThatOfTheStandard) {
    const std::pair<std::string_view, std::string_view> rows[] = {{"", ""},
                                                                  {"f", "Zg=="},
                                                                  {"fo", "Zm8="},
                                                                  {"foo", "Zm9v"},
                                                                  {"foob", "Zm9vYg=="},
                                                                  {"fooba", "Zm9vYmE="},
                                                                  {"foobar", "Zm9vYmFy"},
                                                                  {"\xff\xfe\xfd", "//79"}};
    for (const auto& [bytes, text] : rows) {
        EXPECT_EQ(to_base64(bytes), text);
        EXPECT_EQ(from_base64(text), bytes);
    }
    for (const char* wrong : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg==Zg==", "Z===", "====", "Zm 9v",
                              "Zg=v", "Zm9v\n", "Zm-v"}) {
        EXPECT_EQ(from_base64(wrong), std::nullopt) << wrong;
    }
}

RC_GTEST_PROP(Base64, ReadsBackWhatItWrote, (std::string bytes)) {
    RC_ASSERT(from_base64(to_base64(bytes)) == bytes);
}

RC_GTEST_PROP(Utf8, CuttingNeverExceedsAndNeverSplits, (std::string bytes)) {
    const auto columns = *rc::gen::inRange<std::size_t>(0, 20);
    const std::string_view cut = cut_to_columns(bytes, columns);
    RC_ASSERT(columns_of(cut) <= columns);
    RC_ASSERT(std::string_view(bytes).starts_with(cut));
    RC_ASSERT(!is_utf8(bytes) || is_utf8(cut));
}

TEST(Utf8, KnowsWhatItIsAndHowWideItStands) {
    struct Row {
        std::string_view text;
        bool valid;
        std::size_t columns;
    };
    const Row rows[] = {{"", true, 0},
                        {"abc", true, 3},
                        {"gr\xc3\xbcn", true, 4},
                        {"e\xcc\x81", true, 1},                 // e and a combining acute
                        {"\xe6\xbc\xa2\xe5\xad\x97", true, 4},  // two wide characters
                        {"\xf0\x9f\x98\x80", true, 2},
                        {"\xff", false, 1},
                        {"a\xe2\x82", false, 3}};
    for (const Row& row : rows) {
        SCOPED_TRACE(row.text);
        EXPECT_EQ(is_utf8(row.text), row.valid);
        EXPECT_EQ(columns_of(row.text), row.columns);
    }
    EXPECT_EQ(cut_to_columns("\xe6\xbc\xa2\xe5\xad\x97", 3), "\xe6\xbc\xa2");
}

TEST(StateDirectory, IsTheFirstThatIsGiven) {
    struct Row {
        const char* why;
        std::optional<std::string> option;
        std::map<std::string, std::string> variables;
        bool is_root;
        std::string found;  ///< empty: an error
    };
    const Row rows[] = {
        {"the option comes first",
         "here",
         {{"BANSURI_STATE", "/a"}, {"STATE_DIRECTORY", "/b"}},
         true,
         "here"},
        {"an empty option is a mistake", "", {{"BANSURI_STATE", "/a"}}, true, ""},
        {"our own variable", {}, {{"BANSURI_STATE", "/a"}, {"STATE_DIRECTORY", "/b"}}, true, "/a"},
        {"systemd's", {}, {{"STATE_DIRECTORY", "/b"}, {"HOME", "/h"}}, true, "/b"},
        {"systemd's, of several", {}, {{"STATE_DIRECTORY", "/b:/c"}}, false, "/b"},
        {"root", {}, {{"HOME", "/root"}, {"XDG_STATE_HOME", "/x"}}, true, "/var/lib/bansuri"},
        {"XDG", {}, {{"HOME", "/h"}, {"XDG_STATE_HOME", "/x"}}, false, "/x/bansuri"},
        {"a relative XDG is none",
         {},
         {{"HOME", "/h"}, {"XDG_STATE_HOME", "x"}},
         false,
         "/h/.local/state/bansuri"},
        {"home", {}, {{"HOME", "/h"}, {"BANSURI_STATE", ""}}, false, "/h/.local/state/bansuri"},
        {"nothing at all", {}, {}, false, ""},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        const auto found = state_directory(
            row.option,
            [&row](const char* name) {
                const auto variable = row.variables.find(name);
                return variable == row.variables.end() ? std::string() : variable->second;
            },
            row.is_root);
        EXPECT_EQ(found.value_or(""), row.found);
        if (!found) {
            EXPECT_EQ(found.error().code, ErrorCode::usage);
        }
    }
}

}  // namespace
}  // namespace bansuri
