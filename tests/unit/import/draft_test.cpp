// SPDX-License-Identifier: MIT
#include "import/draft.hpp"

#include <gmock/gmock.h>

#include "unit/import/importing.hpp"

namespace bansuri::imports {
namespace {

using ::testing::HasSubstr;

DraftTask task(const std::string& name, const std::string& command = "true") {
    DraftTask made;
    made.set("name", name);
    made.set("command", command);
    return made;
}

TEST(Draft, IsLaidOutForReaders) {
    Draft draft;
    draft.notes = {"In front."};
    draft.root.push_back({"timezone", "UTC", {"Of all."}});
    DraftTask first = task("a");
    first.notes = {"Of the task."};
    first.set("tags", Json::array({"x", "y"}), "Of the key.");
    draft.add(std::move(first));
    draft.remark("Something was left out.");
    draft.add(task("b"));
    EXPECT_EQ(*std::move(draft).finish(),
              "// In front.\n"
              "{\n"
              "    \"version\": \"1.0\",\n"
              "    // Of all.\n"
              "    \"timezone\": \"UTC\",\n"
              "    \"scripts\": [\n"
              "        // Of the task.\n"
              "        {\n"
              "            \"name\": \"a\",\n"
              "            \"command\": \"true\",\n"
              "            // Of the key.\n"
              "            \"tags\": [\"x\", \"y\"]\n"
              "        },\n"
              "        // Something was left out.\n"
              "\n"
              "        {\n"
              "            \"name\": \"b\",\n"
              "            \"command\": \"true\"\n"
              "        }\n"
              "    ]\n"
              "}\n");
}

TEST(Draft, WhatTheParserRefusesIsLeftOutWithItsReason) {
    Draft draft;
    DraftTask first = task("a");
    first.set("umask", "9");
    first.set("stop-timeout", "soon");
    draft.add(std::move(first));
    DraftTask second = task("b");
    second.set("schedule-cron", "99 * * * *");
    second.set("notify-threshold", 0);
    draft.add(std::move(second));
    draft.add(task("c", " "));
    draft.add(task("d", std::string(200'000, 'x')));
    draft.add(task("e", "\xFF"));
    draft.add(task("f"));
    const Imported file(std::move(draft).finish());
    ASSERT_EQ(file.tasks(), 2U);
    EXPECT_EQ(file.task(0).dump(), R"({"name":"a","command":"true"})");
    EXPECT_TRUE(file.says("Left out: umask \"9\": it is not a file mode mask"));
    EXPECT_TRUE(file.says("Left out: stop-timeout \"soon\""));
    EXPECT_TRUE(
        file.says("Not carried over: task \"b\", command true: schedule-cron \"99 * * * *\""));
    EXPECT_TRUE(file.says("the command is blank"));
    EXPECT_TRUE(file.says("it has 200000 bytes, and the kernel takes 131071 at most"));
    EXPECT_TRUE(file.says("command \"\\xff\": it is not UTF-8") || file.says("it is not UTF-8"));
    EXPECT_EQ(file.value("name", 1), R"("f")");
}

TEST(Draft, WhatDiffersIsNotPutTogether) {
    Draft draft;
    for (const char* const zone : {"UTC", "Europe/Berlin"}) {
        DraftTask made = task(zone);
        made.set("name", zone[0] == 'U' ? "u" : "e");
        made.set("schedule-cron", "@daily");
        made.set("timezone", zone);
        made.set("on-fail", "continue");
        draft.add(std::move(made));
    }
    const Imported file(std::move(draft).finish());
    EXPECT_EQ(file.root()["defaults"].dump(), R"({"on-fail":"continue"})");
    EXPECT_EQ(file.value("timezone", 1), R"("Europe/Berlin")");
}

TEST(Draft, NoWordOfAForeignFileLeavesItsComment) {
    Draft draft;
    draft.remark("a\nb " + shown("\x1b[2J\n\"x\": 1 \xE2\x80\xAE") + std::string(300, 'w'));
    const auto text = std::move(draft).finish();
    ASSERT_TRUE(text.has_value());
    EXPECT_EQ(text->find('\x1b'), std::string::npos);
    EXPECT_EQ(faults_of(*text), "") << *text;
}

TEST(Draft, RemarksAndTasksHaveABound) {
    Draft draft;
    for (int i = 0; i < 5000; ++i) draft.remark("No.");
    const auto text = std::move(draft).finish();
    EXPECT_THAT(*text, HasSubstr("And 4000 more of this kind."));
    Draft full;
    for (int i = 0; i <= 20'000; ++i) full.add(task("t" + std::to_string(i)));
    EXPECT_TRUE(full.full());
    EXPECT_THAT(std::move(full).finish().error().message, HasSubstr("more than 20000 tasks"));
}

}  // namespace
}  // namespace bansuri::imports
