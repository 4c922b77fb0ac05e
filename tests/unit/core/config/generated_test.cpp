// SPDX-License-Identifier: MIT
//
// The key table agrees with itself, and what is generated from it with what is in the repository.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "core/config/key_table.hpp"
#include "core/config/reference.hpp"
#include "core/config/schedule_cache.hpp"
#include "core/config/schema.hpp"
#include "unit/core/config/parsing.hpp"

namespace bansuri {
namespace {

using testing::HasSubstr;

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void expect_sound(const config::KeyRow& row) {
    SCOPED_TRACE(row.name);
    EXPECT_FALSE(row.doc.empty());
    EXPECT_EQ(row.doc.back(), '.');
    EXPECT_TRUE(nlohmann::json::accept(row.example)) << row.example;
    for (const config::KeyRow& member : row.spec.members) expect_sound(member);
}

TEST(KeyTable, IsSound) {
    std::set<std::string_view> names;
    for (std::size_t i = 0; i < config::task_keys().size(); ++i) {
        const config::KeyRow& row = config::task_keys()[i];
        expect_sound(row);
        EXPECT_EQ(static_cast<std::size_t>(row.key), i) << row.name;
        EXPECT_TRUE(names.insert(row.name).second) << row.name;
        EXPECT_TRUE(row.store != nullptr || row.availability == config::Availability::not_yet)
            << row.name << " is available and stored nowhere";
    }
    for (const config::KeyRow& row : config::root_keys()) expect_sound(row);
}

TEST(KeyTable, EachExampleIsTaken) {
    for (const config::KeyRow& row : config::task_keys()) {
        if (row.place == config::Place::task) continue;
        SCOPED_TRACE(row.name);
        const std::string member = "\"" + std::string(row.name) + "\": " + std::string(row.example);
        for (const Diagnostic& diagnostic : parse(with_key(member)).diagnostics) {
            const bool unknown_task = row.name == "depends-on";
            EXPECT_TRUE(diagnostic.severity == Severity::warning || unknown_task ||
                        diagnostic.code == ErrorCode::not_available)
                << render(diagnostic, "f");
        }
    }
}

TEST(TextRules, RefuseByPatternAndByCheckAlike) {
    const std::string samples[] = {
        "",
        " ",
        "a",
        "a b",
        ".a",
        " a",
        "a\nb",
        "a=b",
        "1.0",
        "1x0",
        "0022",
        "022",
        "22",
        "00222",
        "0999",
        "0028",
        "m:C",
        "a.b:C",
        "m:9C",
        "9m:C",
        "a..b:C",
        "a.so:C",
        "lib/a.so:C",
        ".so:C",
        "m:",
        ":C",
        "m.C",
        "http://",
        "http://a",
        "https://a/b?c#d",
        "http:///a",
        "ftp://a",
        "http://a b",
        "http://é",
        "é",
        "a/b",
        "\x7f",
        "A.b_c:d@e+f-g h",
        "* * * * *",
        "0 0 * * * *",
        "@daily",
        "@reboot",
        " @daily ",
        "* * * *",
        "a b c d e f g",
    };
    struct Row {
        const char* what;
        const config::TextRule& rule;
        bool exact;  // the pattern tells all that the check tells
    };
    const Row rows[] = {
        {"any_text", config::any_text, true},
        {"some_text", config::some_text, true},
        {"task_name", config::task_name, true},
        {"command_line", config::command_line, true},
        {"class_name", config::class_name, true},
        {"path_name", config::path_name, true},
        {"cron_text", config::cron_text, false},
        {"zone_name", config::zone_name, false},
        {"file_mask", config::file_mask, true},
        {"web_address", config::web_address, true},
        {"variable_name", config::variable_name, true},
        {"version", config::version_number, true},
    };
    config::ScheduleCache cache;
    for (const Row& row : rows) {
        const std::regex pattern(std::string(row.rule.pattern), std::regex::ECMAScript);
        for (const std::string& sample : samples) {
            SCOPED_TRACE(std::string(row.what) + " \"" + sample + "\"");
            const bool matches = std::regex_search(sample, pattern);
            const bool taken = !row.rule.check(sample, cache).has_value();
            if (taken || row.exact) {
                EXPECT_EQ(matches, taken);
            }
        }
    }
}

TEST(Schema, IsJsonAndNamesEveryKey) {
    const auto schema = nlohmann::json::parse(json_schema());
    for (const config::KeyRow& row : config::root_keys()) {
        EXPECT_TRUE(schema["properties"].contains(row.name)) << row.name;
    }
    for (const config::KeyRow& row : config::task_keys()) {
        const auto& key = schema["$defs"]["task"]["properties"][std::string(row.name)];
        EXPECT_THAT(key.value("description", ""), HasSubstr(std::string(row.doc))) << row.name;
    }
}

TEST(Reference, InTheDocumentationIsUpToDate) {
    const std::string document = content_of(BANSURI_SOURCE_DIR "/docs/configuration.md");
    const std::string begin = "<!-- generated: keys -->\n";
    const std::string end = "<!-- end of generated: keys -->";
    const auto from = document.find(begin);
    const auto to = document.find(end);
    ASSERT_NE(from, std::string::npos);
    ASSERT_NE(to, std::string::npos);
    EXPECT_EQ(document.substr(from + begin.size(), to - from - begin.size()),
              "\n" + markdown_reference() + "\n")
        << "Run: config_generated update docs/configuration.md (built beside this test)";
}

}  // namespace
}  // namespace bansuri
