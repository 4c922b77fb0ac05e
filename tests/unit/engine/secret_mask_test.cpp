// SPDX-License-Identifier: MIT
#include "engine/secret_mask.hpp"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

namespace bansuri::engine {
namespace {

Secrets secrets_of(const std::vector<std::string>& values) {
    Secrets secrets;
    for (const std::string& value : values) secrets.add(value);
    return secrets;
}

/// What is shown of the pieces, one after the other.
std::string shown(const Secrets& secrets, const std::vector<std::string>& pieces) {
    SecretMask mask;
    std::string text;
    for (const std::string& piece : pieces) text += mask.feed(secrets, piece);
    return text + mask.finish(secrets);
}

TEST(Secrets, AreTheValuesOfTheNamedVariables) {
    const Secrets secrets({"TOKEN", "EMPTY", "MISSING"},
                          {"PATH=/bin", "TOKEN=hunter2", "TOKENS=visible", "EMPTY="});
    EXPECT_EQ(secrets.masked("hunter2 visible /bin"), "*** visible /bin");
    EXPECT_FALSE(secrets.empty());
    EXPECT_TRUE(Secrets({"EMPTY"}, {"EMPTY="}).empty());
}

TEST(Secrets, TheLongestThatBeginsThereIsMeant) {
    const Secrets secrets = secrets_of({"ab", "abcd", "cd"});
    EXPECT_EQ(secrets.masked("abcdab cd abc"), "****** *** ***c");
}

TEST(Secrets, AKeyOfManyLinesIsSecretLineByLine) {
    const Secrets secrets = secrets_of({"-----BEGIN KEY-----\nMIIEvQIBADAN\n}\n"});
    EXPECT_EQ(secrets.masked("read MIIEvQIBADAN and }"), "read *** and }");
}

TEST(SecretMask, ASecretIsHiddenHoweverItIsCut) {
    const Secrets secrets = secrets_of({"hunter2"});
    EXPECT_EQ(shown(secrets, {"the hun", "ter2 is out"}), "the *** is out");
    EXPECT_EQ(shown(secrets, {"h", "u", "n", "t", "e", "r", "2"}), "***");
    EXPECT_EQ(shown(secrets, {"hunter2hunt", "er2"}), "******");
    EXPECT_EQ(shown(secrets, {"hunhunter", "2"}), "hun***");
    EXPECT_EQ(shown(secrets, {"hunter"}), "hunter") << "it never became one";
}

TEST(SecretMask, OnlyWhatMayBecomeASecretIsHeldBack) {
    const Secrets secrets = secrets_of({"hunter2"});
    SecretMask mask;
    EXPECT_EQ(mask.feed(secrets, "Password? "), "Password? ");
    EXPECT_EQ(mask.feed(secrets, "hunt"), "");
    EXPECT_EQ(mask.feed(secrets, "ing"), "hunting");
}

TEST(SecretMask, AShorterSecretWaitsForTheLongerOne) {
    const Secrets secrets = secrets_of({"ab", "abcd"});
    EXPECT_EQ(shown(secrets, {"ab", "cd"}), "***");
    EXPECT_EQ(shown(secrets, {"ab", "ce"}), "***ce");
    EXPECT_EQ(shown(secrets, {"ab"}), "***");
}

/// Few letters, so that they overlap in every way.
rc::Gen<std::string> words(int longest) {
    return rc::gen::resize(longest, rc::gen::container<std::string>(rc::gen::element('a', 'b')));
}

RC_GTEST_PROP(SecretMask, NoSecretIsShownHoweverTheTextIsCut, ()) {
    const auto values = *rc::gen::resize(3, rc::gen::container<std::vector<std::string>>(words(6)));
    const auto pieces =
        *rc::gen::resize(20, rc::gen::container<std::vector<std::string>>(words(8)));
    const Secrets secrets = secrets_of(values);
    std::string whole;
    for (const std::string& piece : pieces) whole += piece;
    const std::string text = shown(secrets, pieces);
    for (const std::string& value : values) {
        if (!value.empty()) RC_ASSERT(text.find(value) == std::string::npos);
    }
    if (secrets.empty()) RC_ASSERT(text == whole);
    if (secrets.masked(whole) == whole) RC_ASSERT(text == whole);
}

}  // namespace
}  // namespace bansuri::engine
