// SPDX-License-Identifier: MIT
#include "core/configuration.hpp"

#include <gtest/gtest.h>

namespace bansuri {
namespace {

TEST(CompareTasks, WhatRunsRestartsAndTheRestIsAppliedInPlace) {
    using Change = void (*)(Task&);
    struct Row {
        const char* why;
        Change change;
        TaskChange expected;
    };
    const Row rows[] = {
        {"nothing", [](Task&) {}, TaskChange::none},
        {"command", [](Task& t) { t.command.line = "x"; }, TaskChange::restart},
        {"directory", [](Task& t) { t.command.working_directory = "/x"; }, TaskChange::restart},
        {"environment", [](Task& t) { t.command.environment["A"] = "1"; }, TaskChange::restart},
        {"output", [](Task& t) { t.command.standard_output.kind = OutputTarget::Kind::ignore; },
         TaskChange::restart},
        {"schedule", [](Task& t) { t.schedule = Timer{Duration(1)}; }, TaskChange::in_place},
        {"policy", [](Task& t) { t.on_fail = OnFail::go_on; }, TaskChange::in_place},
        {"retries", [](Task& t) { t.retry.attempts = 3; }, TaskChange::in_place},
        {"notification", [](Task& t) { t.notify.enabled = true; }, TaskChange::in_place},
        {"catch-up", [](Task& t) { t.catch_up = CatchUp::all; }, TaskChange::in_place},
        {"its window", [](Task& t) { t.catch_up_window = Duration(1); }, TaskChange::in_place},
        {"lost runs", [](Task& t) { t.on_lost = OnLost::restart; }, TaskChange::in_place},
        {"text", [](Task& t) { t.description = "x"; }, TaskChange::in_place},
    };
    for (const Row& row : rows) {
        SCOPED_TRACE(row.why);
        const Task before;
        Task after = before;
        row.change(after);
        EXPECT_EQ(compare(before, after), row.expected);
    }
}

}  // namespace
}  // namespace bansuri
