// SPDX-License-Identifier: MIT
#include "core/quote.hpp"

#include <gtest/gtest.h>

namespace bansuri {
namespace {

TEST(Quote, IsOneShortPrintableLine) {
    struct Row {
        std::string text;
        std::string in_quotes;
    };
    const Row rows[] = {
        {"5 parsecs", R"("5 parsecs")"},
        {"", R"("")"},
        {R"(a"b\c)", R"("a\"b\\c")"},
        {std::string("\n\x1b[2J\0", 6), R"("\x0a\x1b[2J\x00")"},
        {"f\xc3\xbcnf", R"("f\xc3\xbcnf")"},
        {std::string(1000, 'x'), '"' + std::string(60, 'x') + "\"..."},
    };
    for (const Row& row : rows) EXPECT_EQ(quote(row.text), row.in_quotes);
}

}  // namespace
}  // namespace bansuri
